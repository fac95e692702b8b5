/*
 * bench_log.c - libpmemlog's side of the log cases. The log is rewound, untimed, when it is full.
 */
#include <libpmemlog.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>

#define LOG_POOL (256ull << 20)
#define LOG_CLOSED (64ull << 20)

static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return (double)t.tv_sec * 1e9 + (double)t.tv_nsec; }
static void check(int bad, const char *what) { if (bad) { fprintf(stderr, "%s: %s\n", what, pmemlog_errormsg()); exit(1); } }

static int touch(const void *data, size_t length, void *state)
{
	const uint64_t *w = data;
	*(uint64_t *)state += w[0] + length;
	return 1;
}

double run_log(const char *dir, const char *name, size_t size, int n)
{
	static PMEMlogpool *log;
	static char *data;
	static size_t used, walked;
	char path[512];
	if (!strcmp(name, "log-open")) {
		snprintf(path, sizeof path, "%s/c.log-closed", dir);
		PMEMlogpool *p = pmemlog_create(path, LOG_CLOSED, 0666);
		if (p) pmemlog_close(p);
		double t = now();
		for (int i = 0; i < n; i++) { p = pmemlog_open(path); check(!p, "open"); pmemlog_close(p); }
		return now() - t;
	}
	if (!log) {
		snprintf(path, sizeof path, "%s/c.log", dir);
		log = pmemlog_create(path, LOG_POOL, 0666);
		check(!log, "create");
		data = aligned_alloc(4096, 1 << 20);
		memset(data, 7, 1 << 20);
		while (!pmemlog_append(log, data, 1 << 20)) { } /* touch every page */
		used = LOG_POOL;
	}
	if (!strcmp(name, "log-walk")) {
		if (walked != LOG_POOL) { while (!pmemlog_append(log, data, 1 << 20)) { } walked = LOG_POOL; used = LOG_POOL; }
		uint64_t sum = 0;
		double t = now();
		for (int i = 0; i < n; i++) pmemlog_walk(log, size, touch, &sum);
		return now() - t + (sum == 1);
	}
	if (used + size * (size_t)n > LOG_POOL - 8192) { pmemlog_rewind(log); used = 0; }
	walked = 0;
	used += size * (size_t)n;
	double t = now();
	if (!strcmp(name, "log-append"))
		for (int i = 0; i < n; i++) check(pmemlog_append(log, data, size), "append");
	else
		for (int i = 0; i < n; i++) {
			struct iovec v[4] = { { data, size / 4 }, { data + 4096, size / 4 }, { data + 8192, size / 4 }, { data + 16384, size / 4 } };
			check(pmemlog_appendv(log, v, 4), "appendv");
		}
	return now() - t;
}
