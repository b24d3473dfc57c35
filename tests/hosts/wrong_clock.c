/* A time of day that is wrong by as many seconds as a file says: preloaded into the programs of one machine (man 8 ld.so).
   The file holds a long, in memory that all who read it share: it counts from the moment at which it is written.
   What measures how long something takes, CLOCK_MONOTONIC, is left alone, as by a clock that somebody sets. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile long *wrong_by;

__attribute__((constructor)) static void open_file(void)
{
    const char *path = getenv("WRONG_CLOCK");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *seen = file < 0 ? MAP_FAILED : mmap(NULL, sizeof *wrong_by, PROT_READ, MAP_SHARED, file, 0);

    if (file >= 0)
        close(file);
    if (seen != MAP_FAILED)
        wrong_by = seen;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int failed = (int) syscall(SYS_clock_gettime, clock, now);

    if (!failed && wrong_by && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        now->tv_sec += *wrong_by;
    return failed;
}

int gettimeofday(struct timeval *now, void *zone)
{
    struct timespec precise;
    int failed = clock_gettime(CLOCK_REALTIME, &precise);

    (void) zone;
    now->tv_sec = precise.tv_sec;
    now->tv_usec = precise.tv_nsec / 1000;
    return failed;
}

time_t time(time_t *there)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    if (there)
        *there = now.tv_sec;
    return now.tv_sec;
}
