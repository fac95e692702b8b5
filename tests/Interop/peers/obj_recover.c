/*
 * obj_recover.c - opens a pool (recovering it), dumps it as obj_script does, closes it.
 *   obj_recover POOL LAYOUT
 */
#include <libpmemobj.h>
#include <inttypes.h>
#include <stdio.h>

static uint64_t fnv(const unsigned char *p, size_t n)
{
	uint64_t h = 0xcbf29ce484222325ull;
	while (n--) h = (h ^ *p++) * 0x100000001b3ull;
	return h;
}

int main(int argc, char **argv)
{
	if (argc != 3) return 2;
	PMEMobjpool *pop = pmemobj_open(argv[1], argv[2]);
	if (!pop) { printf("refused: %s\n", pmemobj_errormsg()); return 1; }
	size_t size = pmemobj_root_size(pop);
	if (size) {
		PMEMoid root = pmemobj_root(pop, 0);
		printf("root %" PRIx64 " %zu %016" PRIx64 "\n", root.off, size, fnv(pmemobj_direct(root), size));
	}
	PMEMoid oid;
	POBJ_FOREACH(pop, oid)
		printf("object %" PRIx64 " %zu %" PRIu64 "\n", oid.off, pmemobj_alloc_usable_size(oid), pmemobj_type_num(oid));
	/* life goes on */
	PMEMoid x = OID_NULL;
	if (pmemobj_alloc(pop, &x, 200, 7, NULL, NULL)) { printf("cannot allocate\n"); return 1; }
	pmemobj_free(&x);
	pmemobj_close(pop);
	return 0;
}
