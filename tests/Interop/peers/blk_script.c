/*
 * blk_script.c - runs a script on a libpmemblk pool.
 *
 *   blk_script POOL < script
 *   create BSIZE SIZE | open BSIZE | close | write BLOCK SEED | zero BLOCK | error BLOCK | read BLOCK | dump | check BSIZE
 *   arm N | count          under trace_shim: dies after the N-th traced call from here; prints how many there were
 * A refused operation prints its errno. SIZE 0 takes the file as it is.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <libpmemblk.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t hash(const unsigned char *p, size_t n)
{
	uint64_t h = 14695981039346656037ull;
	for (size_t i = 0; i < n; i++) h = (h ^ p[i]) * 1099511628211ull;
	return h;
}

static void fill(unsigned char *p, size_t n, unsigned long seed)
{
	for (size_t i = 0; i < n; i++) p[i] = (unsigned char)(seed * 31 + i * 7 + (i >> 8) + 1);
}

int main(int argc, char **argv)
{
	char line[128], op[32];
	unsigned long a, b;
	PMEMblkpool *pool = NULL;
	unsigned char *data = NULL;
	if (argc != 2) return 2;
	while (fgets(line, sizeof line, stdin)) {
		a = b = 0;
		if (sscanf(line, "%31s %lu %lu", op, &a, &b) < 1) continue;
		int bad = 0;
		errno = 0;
		if (!strcmp(op, "create")) { pool = pmemblk_create(argv[1], a, b, 0666); if (!pool) { fprintf(stderr, "%s\n", pmemblk_errormsg()); return 1; } }
		else if (!strcmp(op, "open")) { pool = pmemblk_open(argv[1], a); if (!pool) { fprintf(stderr, "%s\n", pmemblk_errormsg()); return 1; } }
		else if (!strcmp(op, "close")) { pmemblk_close(pool); free(data); data = NULL; pool = NULL; }
		else if (!strcmp(op, "check")) printf("check %d\n", pmemblk_check(argv[1], a));
		else if (!strcmp(op, "arm")) { void (*arm)(long) = (void (*)(long))dlsym(RTLD_DEFAULT, "pmtrace_arm"); if (!arm) return 2; arm((long)a); }
		else if (!strcmp(op, "count")) { long (*count)(void) = (long (*)(void))dlsym(RTLD_DEFAULT, "pmtrace_count"); if (!count) return 2; printf("%ld\n", count()); }
		else {
			size_t n = pmemblk_bsize(pool);
			if (!data) data = malloc(n);
			if (!strcmp(op, "write")) { fill(data, n, b); bad = pmemblk_write(pool, data, (long long)a); }
			else if (!strcmp(op, "zero")) bad = pmemblk_set_zero(pool, (long long)a);
			else if (!strcmp(op, "error")) bad = pmemblk_set_error(pool, (long long)a);
			else if (!strcmp(op, "read")) { bad = pmemblk_read(pool, data, (long long)a); if (!bad) printf("read %lu %016lx\n", a, hash(data, n)); }
			else if (!strcmp(op, "dump")) {
				static unsigned char zero[1 << 20];
				printf("blocks %zu of %zu\n", pmemblk_nblock(pool), n);
				for (size_t i = 0; i < pmemblk_nblock(pool); i++) {
					if (pmemblk_read(pool, data, (long long)i)) printf("%zu bad %d\n", i, errno);
					else if (n > sizeof zero || memcmp(data, zero, n)) printf("%zu %016lx\n", i, hash(data, n));
				}
			}
			if (bad) printf("%s %lu: errno %d\n", op, a, errno);
		}
		fflush(stdout);
	}
	return 0;
}
