/*
 * log_script.c - runs a script of log operations through libpmemlog, so that the same script can be run through Pmem.Logs.
 *
 *   log_script POOL < script
 *   create SIZE | open | close
 *   append N SEED                          N bytes of the pattern
 *   appendv N SEED                         the same bytes in three pieces
 *   rewind
 *   dump                                   prints capacity, length, a hash of all bytes, and whether chunks of 1000 give the same
 *   arm N | count                          under trace_shim: dies after the N-th traced call from here; prints how many there were
 */
#define _GNU_SOURCE
#include <libpmemlog.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

struct sum { uint64_t hash, bytes; };

static int add(const void *data, size_t length, void *state)
{
	struct sum *s = state;
	for (size_t i = 0; i < length; i++) s->hash = (s->hash ^ ((const uint8_t *)data)[i]) * 1099511628211ull;
	s->bytes += length;
	return 1;
}

static struct sum walk(PMEMlogpool *log, size_t chunk)
{
	struct sum s = { 14695981039346656037ull, 0 };
	pmemlog_walk(log, chunk, add, &s);
	return s;
}

int main(int argc, char **argv)
{
	char line[128], op[32];
	uint64_t a, b;
	PMEMlogpool *log = NULL;
	static uint8_t data[1 << 20];
	if (argc != 2) return 2;
	while (fgets(line, sizeof line, stdin)) {
		a = b = 0;
		if (sscanf(line, "%31s %lu %lu", op, &a, &b) < 1) continue;
		if (!strcmp(op, "create")) { if (!(log = pmemlog_create(argv[1], a, 0644))) { fprintf(stderr, "%s\n", pmemlog_errormsg()); return 1; } }
		else if (!strcmp(op, "open")) { if (!(log = pmemlog_open(argv[1]))) { fprintf(stderr, "%s\n", pmemlog_errormsg()); return 1; } }
		else if (!strcmp(op, "close")) pmemlog_close(log);
		else if (!strcmp(op, "rewind")) pmemlog_rewind(log);
		else if (!strcmp(op, "append") || !strcmp(op, "appendv")) {
			if (a > sizeof data) return 2;
			for (uint64_t i = 0; i < a; i++) data[i] = (uint8_t)(b * 31 + i * 7 + (i >> 8));
			struct iovec pieces[3] = { { data, a / 3 }, { data + a / 3, a / 3 }, { data + a / 3 * 2, a - a / 3 * 2 } };
			if (op[6] ? pmemlog_appendv(log, pieces, 3) : pmemlog_append(log, data, a)) printf("%s\n", errno == ENOSPC ? "full" : strerror(errno));
		}
		else if (!strcmp(op, "dump")) {
			struct sum all = walk(log, 0), parts = walk(log, 1000);
			printf("capacity %zu length %lld bytes %lu hash %016lx %s\n", pmemlog_nbyte(log), pmemlog_tell(log), all.bytes, all.hash, all.hash == parts.hash ? "same" : "DIFFERENT");
		}
		else if (!strcmp(op, "arm")) { void (*arm)(long) = (void (*)(long))dlsym(RTLD_DEFAULT, "pmtrace_arm"); if (!arm) return 2; arm((long)a); }
		else if (!strcmp(op, "count")) { long (*count)(void) = (long (*)(void))dlsym(RTLD_DEFAULT, "pmtrace_count"); if (!count) return 2; printf("%ld\n", count()); }
		else return 2;
	}
	return 0;
}
