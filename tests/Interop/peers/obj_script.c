/*
 * obj_script.c - runs a script of object-pool operations through libpmemobj, so that the same script can be run through Pmem.Objects and the
 * two pools compared. One operation a line, from standard input:
 *
 *   create SIZE | open | close             the pool given on the command line
 *   alloc SLOT SIZE TYPE | zalloc ...      atomic, into the persistent slot of the root object
 *   valloc SLOT SIZE TYPE                  atomic, into a volatile id that is then stored and persisted
 *   free SLOT | realloc SLOT SIZE TYPE
 *   publish SLOT SIZE TYPE                 reserve + two set_values, published together
 *   begin | commit | abort | end           transactions; they nest; "end" leaves one that an inner abort took down
 *   set AT LENGTH VALUE                    snapshot AT..AT+LENGTH of the root's data, then fill it
 *   talloc SLOT SIZE TYPE | tfree SLOT | trealloc SLOT SIZE TYPE
 *   grow SIZE                              the root object
 *   class UNIT ALIGN UNITS HEADER          registers a custom allocation class (0 legacy, 1 compact, 2 none) as class 100
 *   xalloc SLOT SIZE TYPE                  from that class
 *   threads COUNT OPERATIONS SLOTS         allocates and frees from several threads at once, each with SLOTS slots of its own
 *   arm N | count                          under trace_shim: dies after the N-th traced call from here; prints how many there were
 *   crash                                  _exit without closing
 *   dump                                   canonical listing on standard output
 *
 * Every object is filled with a byte that depends on slot and size, whole usable size, so that all allocated bytes are defined.
 */
#define _GNU_SOURCE
#include <libpmemobj.h>
#include <dlfcn.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SLOTS 4096
#define DATA 262144
struct root { PMEMoid slots[SLOTS]; unsigned char data[DATA]; };

static PMEMobjpool *pop;
static struct root *root;
static uint64_t custom_class;

static void die(const char *what) { fprintf(stderr, "%s: %s\n", what, pmemobj_errormsg()); exit(3); }
static int pattern(uint64_t slot, uint64_t size) { return (int)((slot * 31 + size * 7 + 1) & 0xff); }
static void attach(void) { root = pmemobj_direct(pmemobj_root(pop, sizeof(struct root))); if (!root) die("root"); }

static void fill(PMEMoid oid, uint64_t slot, uint64_t size)
{
	pmemobj_memset_persist(pop, pmemobj_direct(oid), pattern(slot, size), pmemobj_alloc_usable_size(oid));
}

static void fill_tx(PMEMoid oid, uint64_t slot, uint64_t size)
{
	memset(pmemobj_direct(oid), pattern(slot, size), pmemobj_alloc_usable_size(oid));
}

static uint64_t fnv(const unsigned char *p, size_t n)
{
	uint64_t h = 0xcbf29ce484222325ull;
	while (n--) h = (h ^ *p++) * 0x100000001b3ull;
	return h;
}

static void dump(void)
{
	PMEMoid oid;
	PMEMoid r = pmemobj_root(pop, 0);
	printf("root %" PRIx64 " %zu\n", r.off, pmemobj_root_size(pop));
	printf("data %016" PRIx64 "\n", fnv(root->data, DATA));
	for (int i = 0; i < SLOTS; i++)
		if (!OID_IS_NULL(root->slots[i])) printf("slot %d %" PRIx64 "\n", i, root->slots[i].off);
	POBJ_FOREACH(pop, oid)
		printf("object %" PRIx64 " %zu %" PRIu64 " %016" PRIx64 "\n", oid.off, pmemobj_alloc_usable_size(oid), pmemobj_type_num(oid),
			fnv(pmemobj_direct(oid), pmemobj_alloc_usable_size(oid)));
	fflush(stdout);
}

struct worker { pthread_t thread; uint64_t first, slots, operations; };

static void *work(void *argument)
{
	struct worker *w = argument;
	uint64_t state = w->first * 2654435761u + 12345;
	for (uint64_t i = 0; i < w->operations; i++) {
		state = state * 6364136223846793005ull + 1442695040888963407ull;
		uint64_t slot = w->first + (state >> 33) % w->slots, size = 1 + (state >> 40) % ((state >> 60) ? 2000 : 40000);
		if (!OID_IS_NULL(root->slots[slot])) pmemobj_free(&root->slots[slot]);
		else { if (pmemobj_alloc(pop, &root->slots[slot], size, w->first & 7, NULL, NULL)) die("alloc"); fill(root->slots[slot], slot, size); }
	}
	return NULL;
}

static void threads(uint64_t count, uint64_t operations, uint64_t slots)
{
	struct worker w[16];
	for (uint64_t i = 0; i < count && i < 16; i++) {
		w[i] = (struct worker){ .first = i * slots, .slots = slots, .operations = operations };
		if (pthread_create(&w[i].thread, NULL, work, &w[i])) exit(3);
	}
	for (uint64_t i = 0; i < count && i < 16; i++) pthread_join(w[i].thread, NULL);
}

int main(int argc, char **argv)
{
	char line[256], op[32];
	if (argc != 2) return 2;
	while (fgets(line, sizeof line, stdin)) {
		uint64_t a = 0, b = 0, c = 0, d = 0;
		if (sscanf(line, "%31s %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64, op, &a, &b, &c, &d) < 1) continue;
		if (!strcmp(op, "create")) { pop = pmemobj_create(argv[1], "script", a, 0666); if (!pop) die(op); attach(); }
		else if (!strcmp(op, "open")) { pop = pmemobj_open(argv[1], "script"); if (!pop) die(op); attach(); }
		else if (!strcmp(op, "close")) { pmemobj_close(pop); pop = NULL; }
		else if (!strcmp(op, "alloc")) { if (pmemobj_alloc(pop, &root->slots[a], b, c, NULL, NULL)) die(op); fill(root->slots[a], a, b); }
		else if (!strcmp(op, "zalloc")) { if (pmemobj_zalloc(pop, &root->slots[a], b, c)) die(op); }
		else if (!strcmp(op, "valloc")) { PMEMoid o; if (pmemobj_alloc(pop, &o, b, c, NULL, NULL)) die(op); fill(o, a, b); root->slots[a] = o; pmemobj_persist(pop, &root->slots[a], sizeof o); }
		else if (!strcmp(op, "xalloc")) { if (pmemobj_xalloc(pop, &root->slots[a], b, c, POBJ_CLASS_ID(custom_class), NULL, NULL)) die(op); fill(root->slots[a], a, b); }
		else if (!strcmp(op, "free")) pmemobj_free(&root->slots[a]);
		else if (!strcmp(op, "realloc")) { if (pmemobj_realloc(pop, &root->slots[a], b, c)) die(op); fill(root->slots[a], a, b); }
		else if (!strcmp(op, "publish")) {
			struct pobj_action act[3];
			PMEMoid o = pmemobj_reserve(pop, &act[0], b, c);
			if (OID_IS_NULL(o)) die(op);
			fill(o, a, b);
			pmemobj_set_value(pop, &act[1], &root->slots[a].pool_uuid_lo, o.pool_uuid_lo);
			pmemobj_set_value(pop, &act[2], &root->slots[a].off, o.off);
			if (pmemobj_publish(pop, act, 3)) die(op);
		}
		else if (!strcmp(op, "begin")) { if (pmemobj_tx_begin(pop, NULL, TX_PARAM_NONE)) die(op); }
		else if (!strcmp(op, "commit")) { pmemobj_tx_commit(); (void)pmemobj_tx_end(); }
		else if (!strcmp(op, "abort")) { pmemobj_tx_abort(125); (void)pmemobj_tx_end(); }
		else if (!strcmp(op, "end")) (void)pmemobj_tx_end();
		else if (!strcmp(op, "set")) { if (pmemobj_tx_add_range_direct(root->data + a, b)) die(op); memset(root->data + a, (int)c, b); }
		else if (!strcmp(op, "talloc")) { if (pmemobj_tx_add_range_direct(&root->slots[a], sizeof(PMEMoid))) die(op); root->slots[a] = pmemobj_tx_alloc(b, c); if (OID_IS_NULL(root->slots[a])) die(op); fill_tx(root->slots[a], a, b); }
		else if (!strcmp(op, "tfree")) { if (pmemobj_tx_add_range_direct(&root->slots[a], sizeof(PMEMoid))) die(op); if (pmemobj_tx_free(root->slots[a])) die(op); root->slots[a] = OID_NULL; }
		else if (!strcmp(op, "trealloc")) { if (pmemobj_tx_add_range_direct(&root->slots[a], sizeof(PMEMoid))) die(op); root->slots[a] = pmemobj_tx_realloc(root->slots[a], b, c); if (OID_IS_NULL(root->slots[a])) die(op); fill_tx(root->slots[a], a, b); }
		else if (!strcmp(op, "grow")) { if (OID_IS_NULL(pmemobj_root(pop, a))) die(op); attach(); }
		else if (!strcmp(op, "class")) {
			struct pobj_alloc_class_desc desc = { a, b, (unsigned)c, (enum pobj_header_type)d, 0 };
			if (pmemobj_ctl_set(pop, "heap.alloc_class.new.desc", &desc)) die(op);
			custom_class = desc.class_id;
		}
		else if (!strcmp(op, "threads")) threads(a, b, c);
		else if (!strcmp(op, "arm")) { void (*arm)(long) = (void (*)(long))dlsym(RTLD_DEFAULT, "pmtrace_arm"); if (!arm) return 2; arm((long)a); }
		else if (!strcmp(op, "count")) { long (*count)(void) = (long (*)(void))dlsym(RTLD_DEFAULT, "pmtrace_count"); if (!count) return 2; printf("%ld\n", count()); }
		else if (!strcmp(op, "crash")) { fflush(stdout); _exit(77); }
		else if (!strcmp(op, "dump")) dump();
		else { fprintf(stderr, "unknown operation %s\n", op); return 2; }
	}
	return 0;
}
