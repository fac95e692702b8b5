/*
 * Makes a pool with objects of registered allocation classes, or only opens it: obj_class POOL [list].
 * Prints "offset usable type" of each object, in heap order.
 */
#include <libpmemobj.h>
#include <stdio.h>
#include <stdlib.h>

struct shape {
	size_t unit, alignment;
	unsigned units;
	enum pobj_header_type header;
};

static const struct shape shapes[] = {
	{ 7, 0, 1000, POBJ_HEADER_COMPACT },
	{ 24, 0, 1000, POBJ_HEADER_NONE },
	{ 64, 64, 5000, POBJ_HEADER_NONE },
	{ 128, 0, 1000, POBJ_HEADER_LEGACY },
	{ 1000, 0, 700, POBJ_HEADER_COMPACT },
	{ 4096, 4096, 100, POBJ_HEADER_COMPACT },
	{ 4096, 1024, 100, POBJ_HEADER_LEGACY },
	{ 2 << 20, 2 << 20, 4, POBJ_HEADER_NONE },
};

#define SHAPES (sizeof(shapes) / sizeof(shapes[0]))

static int fail(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, pmemobj_errormsg());
	return 1;
}

static int fill(PMEMobjpool *pop)
{
	for (unsigned i = 0; i < SHAPES; i++) {
		struct pobj_alloc_class_desc desc = { shapes[i].unit, shapes[i].alignment, shapes[i].units, shapes[i].header, 0 };
		if (pmemobj_ctl_set(pop, "heap.alloc_class.new.desc", &desc) != 0)
			return fail("class");
		PMEMoid kept[40];
		for (unsigned j = 0; j < 40; j++) {
			size_t most = shapes[i].header == POBJ_HEADER_NONE ? shapes[i].unit : 3 * shapes[i].unit + 100;
			size_t size = shapes[i].unit > 100000 ? most : 1 + (j * 37) % (most < 150 ? most : 150);
			if (size > most)
				size = most;
			kept[j] = OID_NULL;
			if (pmemobj_xalloc(pop, &kept[j], size, j + 1, POBJ_CLASS_ID(desc.class_id), NULL, NULL) != 0) {
				if (shapes[i].unit > 100000 && j > 2)
					break;
				return fail("alloc");
			}
			if (j % 4 == 3)
				pmemobj_free(&kept[j]);
			if (shapes[i].unit > 100000 && j == 5)
				break;
		}
	}

	return 0;
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return 2;
	PMEMobjpool *pop = argc == 2 ? pmemobj_create(argv[1], "classes", 256u << 20, 0666) : pmemobj_open(argv[1], "classes");
	if (pop == NULL)
		return fail("open");
	if (argc == 2 && fill(pop) != 0)
		return 1;

	for (PMEMoid oid = pmemobj_first(pop); !OID_IS_NULL(oid); oid = pmemobj_next(oid))
		printf("%llx %zu %llu\n", (unsigned long long)oid.off, pmemobj_alloc_usable_size(oid), (unsigned long long)pmemobj_type_num(oid));
	pmemobj_close(pop);
	return 0;
}
