/*
 * bench.c - PMDK's side of the bench: a co-process that runs one repetition of a case on command, so that both sides run in turn.
 *
 *   bench DIR          reads lines "CASE PARAMETER COUNT", writes one line for each: nanoseconds for COUNT operations
 */
#define _GNU_SOURCE
#include <libpmem.h>
#include <libpmemobj.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MAPPED (512ull << 20)
#define POOL (1ull << 30)
#define SLOTS 20000
#define WORDS 8192 /* 64-byte slots in the root's data */

struct root { PMEMoid ids[SLOTS]; char data[WORDS * 64]; };

double run_log(const char *dir, const char *name, size_t size, int n); /* bench_log.c */
double run_blk(const char *dir, const char *name, size_t size, int n); /* bench_blk.c */

static const char *folder;
static char path_map[512], path_pool[512], path_empty[512], path_full[512];
static char *map, *source;
static PMEMobjpool *pop;
static struct root *root;
static PMEMoid ids[SLOTS];
static uint64_t rng = 88172645463325252ull;

static uint64_t next(void) { rng ^= rng << 13; rng ^= rng >> 7; rng ^= rng << 17; return rng; }
static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return (double)t.tv_sec * 1e9 + (double)t.tv_nsec; }
static void check(int bad, const char *what) { if (bad) { fprintf(stderr, "%s: %s\n", what, pmemobj_errormsg()); exit(1); } }

static void open_map(void)
{
	size_t len; int is_pmem;
	if (map) return;
	map = pmem_map_file(path_map, MAPPED, PMEM_FILE_CREATE, 0666, &len, &is_pmem);
	check(!map, "map");
	memset(map, 1, MAPPED);
	source = aligned_alloc(4096, 32 << 20);
	memset(source, 7, 32 << 20);
}

static void open_pool(void)
{
	if (pop) return;
	pop = pmemobj_create(path_pool, "bench", POOL, 0666);
	check(!pop, "create");
	root = pmemobj_direct(pmemobj_root(pop, sizeof *root));
}

static void make_full(void)
{
	if (access(path_full, F_OK) == 0) return;
	PMEMobjpool *p = pmemobj_create(path_full, "bench", POOL, 0666);
	check(!p, "create");
	PMEMoid x;
	for (int i = 0; i < 500000; i++) check(pmemobj_alloc(p, &x, 1000, 1, NULL, NULL), "alloc");
	pmemobj_close(p);
}

struct job { size_t size; int count; int index; int kind; pthread_barrier_t *barrier; double ns; };

static void *work(void *v)
{
	struct job *j = v;
	PMEMoid *mine = calloc((size_t)j->count, sizeof *mine);
	char *base = root->data + j->index * (WORDS * 32);
	pthread_barrier_wait(j->barrier);
	double t = now();
	if (j->kind == 0) {
		for (int i = 0; i < j->count; i++) check(pmemobj_alloc(pop, &mine[i], j->size, 1, NULL, NULL), "alloc");
		for (int i = 0; i < j->count; i++) pmemobj_free(&mine[i]);
	} else {
		for (int i = 0; i < j->count; i++) {
			TX_BEGIN(pop) { char *p = base + (i % 4096) * 64; pmemobj_tx_add_range_direct(p, 64); *(uint64_t *)p = (uint64_t)i; } TX_END
		}
	}
	j->ns = now() - t;
	free(mine);
	return NULL;
}

static double threads(int kind, int n, int count)
{
	pthread_t t[8]; struct job j[8]; pthread_barrier_t b; double most = 0;
	pthread_barrier_init(&b, NULL, (unsigned)n);
	for (int i = 0; i < n; i++) { j[i] = (struct job){ 64, count, i, kind, &b, 0 }; pthread_create(&t[i], NULL, work, &j[i]); }
	for (int i = 0; i < n; i++) { pthread_join(t[i], NULL); if (j[i].ns > most) most = j[i].ns; }
	pthread_barrier_destroy(&b);
	return most;
}

static void free_all(PMEMoid *o, int n) { for (int i = 0; i < n; i++) pmemobj_free(&o[i]); }
static void alloc_all(PMEMoid *o, size_t s, int n) { for (int i = 0; i < n; i++) check(pmemobj_alloc(pop, &o[i], s, 1, NULL, NULL), "alloc"); }

static double run(const char *name, size_t a, int n)
{
	double t;
	if (!strcmp(name, "persist")) {
		open_map(); char *p = map; t = now();
		for (int i = 0; i < n; i++) { for (size_t j = 0; j < a; j += 64) *(volatile uint64_t *)(p + j) = (uint64_t)i; pmem_persist(p, a); p += a; if (p + a > map + MAPPED) p = map; }
		return now() - t;
	}
	if (!strcmp(name, "copy")) {
		open_map(); char *p = map; t = now();
		for (int i = 0; i < n; i++) { pmem_memcpy_persist(p, source, a); p += a; if (p + a > map + MAPPED) p = map; }
		return now() - t;
	}
	if (!strcmp(name, "open-empty") || !strcmp(name, "open-full")) {
		const char *path = name[5] == 'e' ? path_empty : path_full;
		if (name[5] == 'f') make_full();
		else if (access(path_empty, F_OK)) { PMEMobjpool *p = pmemobj_create(path_empty, "bench", POOL, 0666); check(!p, "create"); pmemobj_close(p); }
		double sum = 0;
		for (int i = 0; i < n; i++) { t = now(); PMEMobjpool *p = pmemobj_open(path, "bench"); sum += now() - t; check(!p, "open"); pmemobj_close(p); }
		return sum;
	}

	if (!strncmp(name, "log-", 4)) return run_log(folder, name, a, n);
	if (!strncmp(name, "blk-", 4)) return run_blk(folder, name, a, n);

	open_pool();
	if (!strcmp(name, "alloc")) { t = now(); alloc_all(ids, a, n); t = now() - t; free_all(ids, n); return t; }
	if (!strcmp(name, "free")) { alloc_all(ids, a, n); t = now(); free_all(ids, n); return now() - t; }
	if (!strcmp(name, "alloc-to-pool")) { t = now(); alloc_all(root->ids, a, n); t = now() - t; free_all(root->ids, n); return t; }
	if (!strcmp(name, "reserve-publish")) {
		t = now();
		for (int i = 0; i < n; i++) { struct pobj_action act; ids[i] = pmemobj_reserve(pop, &act, a, 1); pmemobj_publish(pop, &act, 1); }
		t = now() - t; free_all(ids, n); return t;
	}
	if (!strcmp(name, "tx-snapshots") || !strcmp(name, "tx-snapshots-random")) {
		uint64_t x = 0; int random = name[12] != 0; t = now();
		for (int i = 0; i < n; i++) {
			TX_BEGIN(pop) {
				for (size_t j = 0; j < a; j++) { char *p = root->data + ((random ? next() : x++) % WORDS) * 64; pmemobj_tx_add_range_direct(p, 64); *(uint64_t *)p = (uint64_t)i; }
			} TX_END
		}
		return now() - t;
	}
	if (!strcmp(name, "tx-range")) {
		t = now();
		for (int i = 0; i < n; i++) { TX_BEGIN(pop) { char *p = root->data + (i & 1) * 262144; pmemobj_tx_add_range_direct(p, a); p[0] = (char)i; } TX_END }
		return now() - t;
	}
	if (!strcmp(name, "tx-alloc")) {
		t = now();
		for (int i = 0; i < n;) { TX_BEGIN(pop) { for (size_t j = 0; j < a; j++) ids[i++] = pmemobj_tx_alloc(64, 1); } TX_END }
		t = now() - t; free_all(ids, n); return t;
	}
	if (!strcmp(name, "tx-free")) {
		alloc_all(ids, a, n); t = now();
		for (int i = 0; i < n; i++) { TX_BEGIN(pop) { pmemobj_tx_free(ids[i]); } TX_END }
		return now() - t;
	}
	if (!strcmp(name, "tx-abort")) {
		t = now();
		for (int i = 0; i < n; i++) {
			TX_BEGIN(pop) { for (size_t j = 0; j < a; j++) { char *p = root->data + (next() % WORDS) * 64; pmemobj_tx_add_range_direct(p, 64); *(uint64_t *)p = (uint64_t)i; } pmemobj_tx_abort(1); } TX_END
		}
		return now() - t;
	}
	if (!strcmp(name, "threads-alloc-free")) return threads(0, (int)a, n);
	if (!strcmp(name, "threads-tx")) return threads(1, (int)a, n);
	return -1;
}

int main(int argc, char **argv)
{
	char line[128], name[64]; size_t a; int n;
	if (argc != 2) return 2;
	folder = argv[1];
	snprintf(path_map, 512, "%s/c.map", argv[1]); snprintf(path_pool, 512, "%s/c.pool", argv[1]);
	snprintf(path_empty, 512, "%s/c.empty", argv[1]); snprintf(path_full, 512, "%s/c.full", argv[1]);
	while (fgets(line, sizeof line, stdin)) {
		if (sscanf(line, "%63s %zu %d", name, &a, &n) != 3) break;
		printf("%.0f\n", run(name, a, n));
		fflush(stdout);
	}
	if (pop) pmemobj_close(pop);
	return 0;
}
