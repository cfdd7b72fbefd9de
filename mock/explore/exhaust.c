/*
 * Walking all runs of a small program. Puts the runs together; what they do is in small_play.c.
 */
#define SR_NO_OWNERSHIP_ANALYSIS
#include "explore/exhaust.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "explore/small.h"

static const char letters[] = "NSTD";

bool sri_small_parse(struct sri_small *small, const char *text)
{
    size_t length = strlen(text);
    if (length == 0 || length > SRI_SMALL_OPERATIONS)
        return false;
    for (size_t i = 0; i < length; i++) {
        const char *letter = strchr(letters, text[i]);
        if (letter == NULL)
            return false;
        small->shapes[i] = (enum sri_shape)(letter - letters);
    }
    small->count = (uint32_t)length;
    return true;
}

void sri_small_name(const struct sri_small *small, char name[SRI_SMALL_OPERATIONS + 1])
{
    for (uint32_t i = 0; i < small->count; i++)
        name[i] = letters[small->shapes[i]];
    name[small->count] = 0;
}

int sri_exhaust_new(struct sri_exhaust **out)
{
    struct sri_exhaust *exhaust = sri_alloc_zero(1, sizeof *exhaust);
    if (exhaust == NULL)
        return -ENOMEM;
    exhaust->heap = sri_alloc_zero(1, sizeof *exhaust->heap);
    int rc = exhaust->heap != NULL ? sr_sim_new(&exhaust->sim, NULL) : -ENOMEM;
    if (rc != 0) {
        sri_exhaust_free(&exhaust);
        return rc;
    }
    sri_heap_init(exhaust->heap);
    sri_tap_init(&exhaust->tap, sr_sim_backend(exhaust->sim), exhaust->heap);
    exhaust->backend = sri_tap_backend(&exhaust->tap);
    exhaust->heap->on_release = sri_small_release;
    exhaust->heap->on_release_user = exhaust;
    struct sr_allocator allocator = sri_heap_allocator(exhaust->heap);
    rc = sr_set_allocator(&allocator);
    *out = exhaust;
    return rc;
}

/* Heaps stay when their walks go: the library keeps headers of buffers in their pages for good. */
static struct sri_heap *kept;

void sri_exhaust_free(struct sri_exhaust **handle)
{
    struct sri_exhaust *exhaust = *handle;
    if (exhaust == NULL)
        return;
    *handle = NULL;
    sr_set_panic_handler(NULL, NULL);
    int rc = sr_set_allocator(NULL);
    (void)rc; /* NULL is always taken */
    exhaust->small = NULL;
    sri_branch_fini(&exhaust->branch);
    sr_sim_free(&exhaust->sim);
    if (exhaust->heap != NULL) {
        exhaust->heap->on_release = NULL;
        exhaust->heap->kept_next = kept;
        kept = exhaust->heap;
    }
    sri_free(exhaust);
}

static void note(struct sri_exhaust *exhaust, struct sri_exhausted *result)
{
    const struct sri_branch *branch = &exhaust->branch;
    result->broken++;
    result->verdict = exhaust->verdict;
    result->choice_count = branch->prefix_length;
    memcpy(result->choices, branch->prefix, branch->prefix_length);
}

static void play(struct sri_exhaust *exhaust, struct sri_exhausted *result)
{
    sri_small_play(exhaust);
    result->runs++;
    result->operations += exhaust->verdict.operations;
    for (uint32_t i = 0; i < SRI_RULES; i++)
        result->checks += exhaust->verdict.exercised[i];
    if (exhaust->branch.unsteady)
        sri_violated(&exhaust->verdict, SRI_RULE_HASH, 0, "the same choices led to another run");
    if (exhaust->verdict.kept > 0)
        note(exhaust, result);
}

void sri_exhaust_stop_by(struct sri_exhaust *exhaust, bool (*stopped)(void))
{
    exhaust->stopped = stopped;
}

static bool is_stopped(const struct sri_exhaust *exhaust)
{
    return exhaust->stopped != NULL && exhaust->stopped();
}

void sri_exhaust_walk(struct sri_exhaust *exhaust, const struct sri_small *small, uint64_t limit,
                      struct sri_exhausted *result)
{
    struct sri_branch *branch = &exhaust->branch;
    memset(result, 0, sizeof *result);
    exhaust->small = small;
    sri_branch_begin(branch);
    bool more = true;
    while (result->broken == 0 && (limit == 0 || result->runs < limit) && !is_stopped(exhaust) &&
           (more = sri_branch_next(branch)))
        play(exhaust, result);
    result->whole = !more && !branch->cut && result->broken == 0;
    uint64_t stains = sri_heap_take_stains(exhaust->heap, 0);
    if (stains > 0 && result->broken == 0) {
        sri_violated(&exhaust->verdict, SRI_RULE_BUF_3, 0, "owed: %llu released blocks were written into",
                     (unsigned long long)stains);
        note(exhaust, result);
    }
    exhaust->small = NULL;
}

void sri_exhaust_again(struct sri_exhaust *exhaust, const struct sri_small *small, const uint8_t *choices,
                       uint32_t count, void (*tell)(void *user, const char *line), void *user,
                       struct sri_exhausted *result)
{
    memset(result, 0, sizeof *result);
    exhaust->small = small;
    exhaust->tell = tell;
    exhaust->tell_user = user;
    sri_branch_again(&exhaust->branch, choices, count);
    play(exhaust, result);
    exhaust->tell = NULL;
    exhaust->small = NULL;
}
