/* Passwords: hashing (RFC 9106, argon2id) and the rules for new ones. */
#include "identity/private.h"

#include <argon2.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

/* 19 MiB and 2 passes: the OWASP minimum, about 25 ms; more memory would let fewer people sign in
 * at a time on a small server. Stored hashes name their own parameters, so these may be raised
 * later. */
enum { PASSES = 2, MEMORY_KIB = 19456, LANES = 1, SALT_SIZE = 16, HASH_BYTES = 32 };

/* How many hashes are computed at a time: one for each core, so that a wave of sign-ins neither
 * takes all memory nor starves the pages. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t freed = PTHREAD_COND_INITIALIZER;
static int running;

static void enter(void)
{
	static long cores;
	pthread_mutex_lock(&lock);
	if (!cores)
		cores = sysconf(_SC_NPROCESSORS_ONLN);
	while (running >= (cores > 1 ? cores : 1))
		pthread_cond_wait(&freed, &lock);
	running++;
	pthread_mutex_unlock(&lock);
}

static void leave(void)
{
	pthread_mutex_lock(&lock);
	running--;
	pthread_cond_signal(&freed);
	pthread_mutex_unlock(&lock);
}

int password_hash(struct arena *a, const char *password, char **out, struct err *err)
{
	unsigned char salt[SALT_SIZE];
	if (RAND_bytes(salt, sizeof(salt)) != 1)
		return err_set(err, ERR_INTERNAL, NULL, "no random bytes");
	size_t size =
	    argon2_encodedlen(PASSES, MEMORY_KIB, LANES, SALT_SIZE, HASH_BYTES, Argon2_id);
	char *hash = arena_alloc(a, size);
	enter();
	int rc = argon2id_hash_encoded(PASSES, MEMORY_KIB, LANES, password, strlen(password), salt,
	    sizeof(salt), HASH_BYTES, hash, size);
	leave();
	if (rc != ARGON2_OK)
		return err_set(err, ERR_INTERNAL, NULL, "argon2: %s", argon2_error_message(rc));
	*out = hash;
	return 0;
}

bool password_verify(const char *hash, const char *password)
{
	if (!hash || !password)
		return false;
	enter();
	int rc = argon2id_verify(hash, password, strlen(password));
	leave();
	return rc == ARGON2_OK;
}

bool password_verify_or_waste(const char *hash, const char *password)
{
	/* The hash of nothing in particular, with the parameters above: no password fits it. */
	static const char nobody[] = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$"
	                             "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
	bool ok = password_verify(hash ? hash : nobody, password);
	return ok && hash;
}
