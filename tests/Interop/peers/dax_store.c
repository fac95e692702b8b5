// Stores a text into persistent memory with MAP_SYNC and CPU flushes alone: no msync, no fsync.
// usage: dax_store PATH OFFSET TEXT [FILE-SIZE]
#define _GNU_SOURCE
#include <emmintrin.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/mman.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { LINE = 64, WINDOW = 2 << 20 };

static int fail(const char *what)
{
    printf("%s: %s\n", what, strerror(errno));
    return 1;
}

int main(int argc, char **argv)
{
    if (argc < 4)
        return 2;
    long offset = strtol(argv[2], NULL, 0);
    size_t length = strlen(argv[3]);
    int file = open(argv[1], O_RDWR | (argc > 4 ? O_CREAT : 0), 0644);
    if (file < 0)
        return fail("open");
    if (argc > 4 && (errno = posix_fallocate(file, 0, strtol(argv[4], NULL, 0))) != 0)
        return fail("fallocate");
    char *base = mmap(NULL, WINDOW, PROT_READ | PROT_WRITE, MAP_SHARED_VALIDATE | MAP_SYNC, file, 0);
    if (base == MAP_FAILED)
        return fail("MAP_SYNC");
    memcpy(base + offset, argv[3], length);
    for (uintptr_t line = (uintptr_t)(base + offset) & -(uintptr_t)LINE; line < (uintptr_t)(base + offset + length); line += LINE)
        _mm_clflush((void *)line);
    _mm_sfence();
    printf("MAP_SYNC: stored\n");
    return 0;
}
