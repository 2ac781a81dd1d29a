#include "store/jobs.h"

#include "store/private.h"

void jobs_wake(struct store *st)
{
	pthread_mutex_lock(&st->jobs_lock);
	st->jobs_seq++;
	pthread_cond_broadcast(&st->jobs_cond);
	pthread_mutex_unlock(&st->jobs_lock);
}
