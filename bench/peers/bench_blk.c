/*
 * bench_blk.c - libpmemblk's side of the block cases. Names are blk-write, blk-read, with -random and -2t for two threads; blk-open; blk-layout.
 */
#include <libpmemblk.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BLK_POOL (128ull << 20)

static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return (double)t.tv_sec * 1e9 + (double)t.tv_nsec; }
static void check(int bad, const char *what) { if (bad) { fprintf(stderr, "%s: %s\n", what, pmemblk_errormsg()); exit(1); } }

struct blk_job { PMEMblkpool *pool; int write, random, count, index, threads; size_t size; uint64_t seed; pthread_barrier_t *barrier; double ns; };

static void *blk_work(void *v)
{
	struct blk_job *j = v;
	char *data = aligned_alloc(4096, (j->size + 4095) & ~4095ull);
	memset(data, 7, j->size);
	uint64_t n = pmemblk_nblock(j->pool) / (uint64_t)j->threads, base = n * (uint64_t)j->index, x = j->seed;
	pthread_barrier_wait(j->barrier);
	double t = now();
	for (int i = 0; i < j->count; i++) {
		uint64_t block = (uint64_t)i % n;
		if (j->random) { x ^= x << 13; x ^= x >> 7; x ^= x << 17; block = x % n; }
		check(j->write ? pmemblk_write(j->pool, data, (long long)(base + block)) : pmemblk_read(j->pool, data, (long long)(base + block)), "block");
	}
	j->ns = now() - t;
	free(data);
	return NULL;
}

static PMEMblkpool *blk_filled(const char *path, size_t size)
{
	PMEMblkpool *p = pmemblk_create(path, size, BLK_POOL, 0666);
	check(!p, "create");
	char *data = calloc(1, size);
	memset(data, 7, size);
	for (int pass = 0; pass < 2; pass++) /* the second pass touches the free blocks of the first */
		for (size_t i = 0; i < pmemblk_nblock(p); i++) check(pmemblk_write(p, data, (long long)i), "fill");
	free(data);
	return p;
}

double run_blk(const char *dir, const char *name, size_t size, int n)
{
	static PMEMblkpool *pools[2];
	char path[512];
	if (!strcmp(name, "blk-open")) {
		snprintf(path, sizeof path, "%s/c.blk-closed", dir);
		if (access(path, F_OK)) pmemblk_close(blk_filled(path, size));
		double t = now();
		for (int i = 0; i < n; i++) { PMEMblkpool *p = pmemblk_open(path, size); check(!p, "open"); pmemblk_close(p); }
		return now() - t;
	}
	if (!strcmp(name, "blk-layout")) {
		double sum = 0;
		char *data = calloc(1, size);
		for (int i = 0; i < n; i++) {
			snprintf(path, sizeof path, "%s/c.blk-new", dir);
			PMEMblkpool *p = pmemblk_create(path, size, PMEMBLK_MIN_POOL, 0666);
			check(!p, "create");
			double t = now();
			check(pmemblk_write(p, data, 0), "first write");
			sum += now() - t;
			pmemblk_close(p);
			unlink(path);
		}
		free(data);
		return sum;
	}
	int which = size > 512, threads = strstr(name, "-2t") ? 2 : 1;
	if (!pools[which]) {
		snprintf(path, sizeof path, "%s/c.blk%d", dir, which);
		pools[which] = blk_filled(path, size);
	}
	pthread_t t[2]; struct blk_job j[2]; pthread_barrier_t b; double most = 0;
	pthread_barrier_init(&b, NULL, (unsigned)threads);
	for (int i = 0; i < threads; i++) {
		j[i] = (struct blk_job){ pools[which], strstr(name, "write") != NULL, strstr(name, "random") != NULL, n, i, threads, size, 88172645463325252ull + (uint64_t)i * 977, &b, 0 };
		pthread_create(&t[i], NULL, blk_work, &j[i]);
	}
	for (int i = 0; i < threads; i++) { pthread_join(t[i], NULL); if (j[i].ns > most) most = j[i].ns; }
	pthread_barrier_destroy(&b);
	return most;
}
