/*
 * The world around the host's that records what others answer, and answers by a tape (environment.h). Everything here runs
 * with the world's lock held.
 */
#include "run/environment.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "engine/user.h"
#include "host/host.h"
#include "run/agent.h"
#include "run/answers.h"

/* What stands first of each entry. */
enum {
    TRIED = 'S',     /* attempt, work, answer; where it is done the outcome */
    READY = 'R',     /* attempt */
    FINISHED = 'F',  /* attempt, outcome */
    CANCELLED = 'C', /* attempt, what the cancel answered */
    WAITED = 'W',    /* what the wait answered */
};

#define ATTEMPTS 32768u /* different ones, of a power of two places */
#define SHORTLY_MS 200

static const struct sri_world_vtable *inner;

static struct {
    struct sri_answers answers;
    bool replaying; /* the tape answers */
    bool full;      /* no more is recorded */
    /* Attempts are parts of requests, whose slots the engine uses in an order of its own: the n-th different one is number n. */
    const struct sri_attempt *attempts[ATTEMPTS];
    uint32_t numbers[ATTEMPTS];
    struct sri_attempt *by_number[ATTEMPTS];
    bool away[ATTEMPTS]; /* by number: it waits or runs, when replaying as the tape says */
    uint32_t count;
} environment;

static uint32_t place_of(const struct sri_attempt *attempt)
{
    uint32_t at = (uint32_t)((uintptr_t)attempt * UINT64_C(0x9e3779b97f4a7c15) >> 40) % ATTEMPTS;
    while (environment.attempts[at] != NULL && environment.attempts[at] != attempt)
        at = (at + 1) % ATTEMPTS;
    return at;
}

/* It waits or runs by what stands on the tape; its request may have become another one's since it last did. */
static bool is_away(const struct sri_attempt *attempt)
{
    uint32_t at = place_of(attempt);
    return environment.attempts[at] == attempt && environment.away[environment.numbers[at]];
}

/* UINT32_MAX: there are too many. */
static uint32_t number_of(struct sri_attempt *attempt)
{
    uint32_t at = place_of(attempt);
    if (environment.attempts[at] == attempt)
        return environment.numbers[at];
    if (environment.count >= ATTEMPTS / 2)
        return UINT32_MAX;
    environment.attempts[at] = attempt;
    environment.numbers[at] = environment.count;
    environment.by_number[environment.count] = attempt;
    return environment.count++;
}

static bool is_others(void *self, const struct sri_attempt *attempt)
{
    if (attempt->work >
        SRI_WORK_POLL) /* what comes behind it in the list neither waits nor brings anything */
        return false;
    return attempt->file != NULL && (inner->object(self, attempt->file) & SRI_OBJECT_POLLS) != 0;
}

static bool brings_bytes(const struct sri_attempt *attempt)
{
    return attempt->work == SRI_WORK_READ || attempt->work == SRI_WORK_RECV;
}

/* As many as there is room for: MSG_TRUNC tells of more. */
static size_t bytes_here(const struct sri_attempt *attempt, int64_t result)
{
    uint64_t room = 0;
    for (uint32_t i = 0; i < attempt->segment_count; i++)
        room += attempt->segments[i].iov_len;
    if (room > attempt->limit)
        room = attempt->limit;
    return result <= 0 ? 0 : (uint64_t)result < room ? (size_t)result : (size_t)room;
}

/* Between the program's segments and the tape's bytes; what has gone meanwhile is left out. */
static void carry(const struct sri_attempt *attempt, uint8_t *from, const uint8_t *to, size_t size)
{
    static struct sri_user door;
    sri_user_init(&door); /* nothing is remembered: the program unmaps as it likes */
    for (uint32_t i = 0; i < attempt->segment_count && size > 0; i++) {
        size_t part = attempt->segments[i].iov_len < size ? attempt->segments[i].iov_len : size;
        if (from != NULL && sri_user_copy_in(&door, from, attempt->segments[i].iov_base, part) != 0)
            memset(from, 0, part);
        if (to != NULL)
            (void)sri_user_copy_out(&door, attempt->segments[i].iov_base, to, part);
        from = from != NULL ? from + part : NULL;
        to = to != NULL ? to + part : NULL;
        size -= part;
    }
}

static void put_block(const void *bytes, size_t size)
{
    sri_answers_put(&environment.answers, size);
    uint8_t *room = size > 0 ? sri_answers_room(&environment.answers, size) : NULL;
    if (room != NULL)
        memcpy(room, bytes, size);
}

/* At most so many; how many there were. */
static size_t get_block(void *bytes, size_t most)
{
    size_t size = sri_answers_get(&environment.answers);
    const uint8_t *from = sri_answers_take(&environment.answers, size);
    size = from == NULL ? 0 : size < most ? size : most;
    if (size > 0)
        memcpy(bytes, from, size);
    return size;
}

static void put_outcome(const struct sri_attempt *attempt, int64_t result)
{
    sri_answers_put_signed(&environment.answers, result);
    sri_answers_put(&environment.answers, attempt->whole);
    if (result < 0 || attempt->work == SRI_WORK_CONNECT || attempt->work == SRI_WORK_POLL)
        return;
    if (brings_bytes(attempt)) {
        size_t size = bytes_here(attempt, result);
        sri_answers_put(&environment.answers, size);
        uint8_t *room = size > 0 ? sri_answers_room(&environment.answers, size) : NULL;
        if (room != NULL)
            carry(attempt, room, NULL, size);
    }
    if (attempt->work == SRI_WORK_ACCEPT && attempt->argument != NULL) {
        const struct sri_address *address = attempt->argument;
        put_block(address, sizeof *address);
    }
    if (attempt->work == SRI_WORK_RECV && attempt->argument != NULL) {
        const struct sri_message *message = attempt->argument;
        put_block(&message->address, sizeof message->address);
        sri_answers_put(&environment.answers, message->flags);
        put_block(message->control, message->control_length);
    }
}

static int64_t get_outcome(struct sri_attempt *attempt)
{
    struct sri_answers *answers = &environment.answers;
    int64_t result = sri_answers_get_signed(answers);
    attempt->whole = sri_answers_get(answers) != 0;
    if (result < 0 || attempt->work == SRI_WORK_CONNECT || attempt->work == SRI_WORK_POLL)
        return result;
    if (brings_bytes(attempt)) {
        size_t size = sri_answers_get(answers);
        const uint8_t *bytes = sri_answers_take(answers, size);
        if (bytes != NULL)
            carry(attempt, NULL, bytes,
                  size < bytes_here(attempt, result) ? size : bytes_here(attempt, result));
    }
    if (attempt->work == SRI_WORK_ACCEPT && attempt->argument != NULL)
        (void)get_block(attempt->argument, sizeof(struct sri_address));
    if (attempt->work == SRI_WORK_RECV && attempt->argument != NULL) {
        struct sri_message *message = attempt->argument;
        (void)get_block(&message->address, sizeof message->address);
        message->flags = (uint32_t)sri_answers_get(answers);
        message->control_length = (uint32_t)get_block(message->control, message->control_room);
    }
    return result;
}

/* Recording: an entry begins. False: there is no room for more, or too many attempts. */
static bool begin_entry(char kind, struct sri_attempt *attempt)
{
    if (environment.full)
        return false;
    uint32_t number = attempt != NULL ? number_of(attempt) : 0;
    if (environment.answers.failed || number == UINT32_MAX) {
        environment.full = true;
        sri_agent_environment("there is no room for all that others answer: the tape holds the first of it");
        return false;
    }
    sri_answers_put(&environment.answers, (uint64_t)kind);
    if (attempt != NULL)
        sri_answers_put(&environment.answers, number);
    sri_agent.page->answers++;
    return true;
}

void sri_environment_called_back(void *self, struct sri_attempt *attempt, const int64_t *result)
{
    (void)self;
    if (environment.replaying || !is_away(attempt))
        return;
    environment.away[number_of(attempt)] = false;
    if (!begin_entry(result == NULL ? READY : FINISHED, attempt))
        return;
    if (result != NULL)
        put_outcome(attempt, *result);
}

/* From here on the machine answers: whoever waits by the tape tries again. */
static void part(const char *why)
{
    environment.replaying = false;
    environment.full = true;
    if (why != NULL)
        sri_agent_environment("the run and its tape part after %llu answers: %s",
                              (unsigned long long)sri_agent.page->answers, why);
    for (uint32_t i = 0; i < environment.count; i++) {
        if (!environment.away[i])
            continue;
        environment.away[i] = false;
        sri_engine_ready(sri_agent.engine, environment.by_number[i]);
    }
}

static bool poll_shortly(int fd, short mask)
{
    struct pollfd one = {.fd = fd, .events = mask};
    return poll(&one, 1, SHORTLY_MS) > 0;
}

/* A connection for the number that the tape has; where nobody connects, one to nobody. */
static void take_connection(int listener, int number, unsigned flags)
{
    int made = -1;
    if (fcntl(number, F_GETFD) >= 0)
        return; /* it is in use: what the program does with it is its own matter */
    if (poll_shortly(listener, POLLIN))
        made = (int)syscall(SYS_accept4, listener, NULL, NULL, flags);
    if (made < 0)
        made = socket(AF_UNIX, SOCK_STREAM | ((int)flags & (SOCK_CLOEXEC | SOCK_NONBLOCK)), 0);
    if (made < 0 || made == number)
        return;
    (void)syscall(SYS_dup3, made, number, (flags & SOCK_CLOEXEC) != 0 ? O_CLOEXEC : 0);
    (void)syscall(SYS_close, made);
}

static void make_connection(int fd, const struct sri_address *address)
{
    struct timeval before = {0, 0};
    struct timeval limit = {.tv_usec = SHORTLY_MS * 1000};
    socklen_t length = sizeof before;
    bool limited = getsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &before, &length) == 0 &&
                   setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) == 0;
    if (limited)
        (void)syscall(SYS_connect, fd, &address->storage, address->length);
    if (limited)
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &before, sizeof before);
}

/* The machine does it as well, as much of it as the tape says; what it answers is no matter. */
static void move_too(void *self, struct sri_attempt *attempt, int fd, int64_t result)
{
    struct stat status;
    uint64_t limit = attempt->limit;
    int64_t ignored = 0;
    bool reads = brings_bytes(attempt);
    if (result <= 0 || fstat(fd, &status) != 0 || S_ISCHR(status.st_mode))
        return;
    if ((uint64_t)result < limit)
        attempt->limit = (uint64_t)result;
    if (poll_shortly(fd, reads ? POLLIN : POLLOUT) && inner->start(self, attempt, &ignored) != SRI_DONE)
        (void)inner->cancel(self, attempt);
    attempt->limit = limit;
}

static void do_too(void *self, struct sri_attempt *attempt, int64_t result)
{
    int fd = sri_host_world_number(attempt->file);
    if (attempt->work == SRI_WORK_ACCEPT && result >= 0)
        take_connection(fd, (int)result, attempt->flags);
    else if (attempt->work == SRI_WORK_CONNECT && result == 0)
        make_connection(fd, attempt->argument);
    else if (attempt->work <= SRI_WORK_SEND)
        move_too(self, attempt, fd, result);
}

/* What the outcome on the tape is, without taking it from there. */
static int64_t look_at_result(void)
{
    size_t position = environment.answers.position;
    int64_t result = sri_answers_get_signed(&environment.answers);
    environment.answers.position = position;
    return result;
}

/* Replaying: what comes before the next entry of this kind is called back. False: the tape has something else. */
static bool play_until(void *self, char kind)
{
    struct sri_answers *answers = &environment.answers;
    while (environment.replaying) {
        if (sri_answers_at_end(answers)) {
            part(NULL);
            return false;
        }
        char next = (char)sri_answers_get(answers);
        if (next == kind) {
            sri_agent.page->answers++;
            return true;
        }
        uint64_t number = sri_answers_get(answers);
        if ((next != READY && next != FINISHED) || answers->failed || number >= environment.count ||
            !environment.away[number]) {
            part("the program does something else");
            return false;
        }
        struct sri_attempt *attempt = environment.by_number[number];
        environment.away[number] = false;
        sri_agent.page->answers++;
        if (next == READY) {
            sri_engine_ready(sri_agent.engine, attempt);
            continue;
        }
        do_too(self, attempt, look_at_result());
        sri_engine_finish(sri_agent.engine, attempt, get_outcome(attempt));
    }
    return false;
}

static enum sri_answer replay_start(void *self, struct sri_attempt *attempt, int64_t *result)
{
    struct sri_answers *answers = &environment.answers;
    if (!play_until(self, TRIED))
        return inner->start(self, attempt, result);
    size_t position = answers->position;
    uint32_t number = number_of(attempt);
    bool same = sri_answers_get(answers) == number && sri_answers_get(answers) == attempt->work;
    enum sri_answer answer = (enum sri_answer)sri_answers_get(answers);
    if (!same || answers->failed || answer > SRI_RUNNING) {
        answers->position = position;
        part("the program starts something else");
        return inner->start(self, attempt, result);
    }
    environment.away[number] = answer != SRI_DONE;
    if (answer == SRI_DONE) {
        do_too(self, attempt, look_at_result());
        *result = get_outcome(attempt);
    }
    return answer;
}

static enum sri_answer start(void *self, struct sri_attempt *attempt, int64_t *result)
{
    if (!is_others(self, attempt))
        return inner->start(self, attempt, result);
    if (environment.replaying)
        return replay_start(self, attempt, result);
    if (environment.full)
        return inner->start(self, attempt, result);
    enum sri_answer answer = inner->start(self, attempt, result);
    if (!begin_entry(TRIED, attempt))
        return answer;
    environment.away[number_of(attempt)] = answer != SRI_DONE;
    sri_answers_put(&environment.answers, attempt->work);
    sri_answers_put(&environment.answers, (uint64_t)answer);
    if (answer == SRI_DONE)
        put_outcome(attempt, *result);
    return answer;
}

static int cancel(void *self, struct sri_attempt *attempt)
{
    struct sri_answers *answers = &environment.answers;
    if (!is_away(attempt))
        return inner->cancel(self, attempt);
    uint32_t number = number_of(attempt);
    if (environment.replaying) {
        if (!play_until(self, CANCELLED) || sri_answers_get(answers) != number) {
            environment.away[number] = false;
            part("the program cancels something else");
            return 0;
        }
        int rc = (int)sri_answers_get_signed(answers);
        if (rc == 0)
            environment.away[number] = false;
        return rc;
    }
    int rc = inner->cancel(self, attempt);
    if (rc == 0)
        environment.away[number] = false;
    if (begin_entry(CANCELLED, attempt))
        sri_answers_put_signed(answers, rc);
    return rc;
}

/* Logical time passes as it did; nobody sleeps for what the tape has. */
static int replay_wait(void *self, uint64_t until_ns, const void *mask, size_t mask_size)
{
    uint64_t before = sri_agent.page->answers;
    if (!play_until(self, WAITED))
        return inner->wait(self, until_ns, mask, mask_size);
    int rc = (int)sri_answers_get_signed(&environment.answers);
    bool told = sri_agent.page->answers > before + 1 || rc != 0;
    bool sleeps = sri_agent.policy_run.in_time && told;
    (void)inner->wait(self, until_ns == SRI_NEVER || sleeps ? 0 : until_ns, mask, mask_size);
    return rc;
}

/* A program without anything of others has no part in this. */
static int wait_in_world(void *self, uint64_t until_ns, const void *mask, size_t mask_size)
{
    if (environment.count == 0)
        return inner->wait(self, until_ns, mask, mask_size);
    if (environment.replaying)
        return replay_wait(self, until_ns, mask, mask_size);
    int rc = inner->wait(self, until_ns, mask, mask_size);
    if (begin_entry(WAITED, NULL))
        sri_answers_put_signed(&environment.answers, rc);
    return rc;
}

void sri_environment_around(struct sri_world *world)
{
    static struct sri_world_vtable outer;
    inner = world->vtable;
    outer = *inner;
    outer.start = start;
    outer.cancel = cancel;
    outer.wait = wait_in_world;
    world->vtable = &outer;
}

int sri_environment_replay(const uint8_t *bytes, size_t size)
{
    uint8_t *room = size > 0 ? sri_answers_room(&environment.answers, size) : NULL;
    if (size > 0 && room == NULL)
        return -ENOMEM;
    if (size > 0)
        memcpy(room, bytes, size);
    environment.replaying = true;
    return 0;
}

bool sri_environment_replays(void)
{
    return environment.replaying;
}

void sri_environment_finish(void)
{
    if (environment.replaying && !sri_answers_at_end(&environment.answers))
        sri_agent_environment("the run ended before its tape, after %llu answers",
                              (unsigned long long)sri_agent.page->answers);
}

void sri_environment_bytes(const uint8_t **bytes, size_t *size)
{
    *bytes = environment.answers.bytes;
    *size = environment.answers.size;
}

void sri_environment_forget(void)
{
    sri_answers_fini(&environment.answers);
    memset(&environment, 0, sizeof environment);
}
