/* Loaded before Envoy: a wall clock that is CLOCK_BEHIND seconds behind. Timers go by the monotonic clock, which stays. */
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *now)
{
	int failed = syscall(SYS_clock_gettime, clock, now);
	const char *behind = getenv("CLOCK_BEHIND");
	if (!failed && clock == CLOCK_REALTIME && behind)
		now->tv_sec -= atol(behind);
	return failed;
}
