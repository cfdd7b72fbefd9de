/*
 * The program's side of a small program: starts, submits, gives up, waits and closes as the walk chooses, and judges each
 * answer by what the kernel was seen to do. Looks at nothing of the library's but its public answers.
 */
#define SR_NO_OWNERSHIP_ANALYSIS
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "explore/small.h"

#define FILE_PATH "/file"
#define FILE_BYTES "ab......"
#define FILL 0xEE

void sri_small_say(struct sri_exhaust *exhaust, const char *format, ...)
{
    if (exhaust->tell == NULL)
        return;
    char line[160];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    exhaust->tell(exhaust->tell_user, line);
}

static unsigned number_of(const struct sri_exhaust *exhaust, const struct sri_piece *piece)
{
    return (unsigned)(piece - exhaust->pieces);
}

static bool walks(const struct sri_exhaust *exhaust, uint32_t what)
{
    return (exhaust->small->walk & what) != 0;
}

/* Started, and neither taken nor disposed of. */
static uint32_t alive(const struct sri_exhaust *exhaust, bool dropped)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < exhaust->small->count; i++) {
        const struct sri_piece *piece = &exhaust->pieces[i];
        count += piece->started && !piece->over && (!dropped || piece->dropped) ? 1 : 0;
    }
    return count;
}

/* ---- Closing ---- */

static void panicked(const struct sr_panic *panic, void *user)
{
    struct sri_exhaust *exhaust = user;
    struct sr_panic_operation operation;
    exhaust->panicked = panic->count;
    exhaust->panic_listed = panic->count > 0 && sr_panic_at(panic, panic->count - 1, &operation) &&
                            !sr_panic_at(panic, panic->count, &operation);
}

/* What has ended unseen is counted by the library until it looks: in flight all the same (RING-1). */
static void try_close(struct sri_exhaust *exhaust)
{
    uint32_t count = alive(exhaust, false);
    int rc = sr_ring_try_close(&exhaust->ring);
    sri_small_say(exhaust, "try_close with %u in flight: %d", count, rc);
    sri_judge(&exhaust->verdict, SRI_RULE_RING_4, 0,
              count > 0 ? rc == SR_EOPERATIONS_IN_FLIGHT && exhaust->ring != NULL
                        : rc == 0 && exhaust->ring == NULL,
              "with %u operations in flight try_close answers %d", count, rc);
}

static void close_with_panic(struct sri_exhaust *exhaust)
{
    uint32_t count = alive(exhaust, false);
    exhaust->panicked = 0;
    exhaust->panic_listed = count == 0;
    int rc = sr_ring_close(&exhaust->ring);
    sri_small_say(exhaust, "close with %u in flight: %d", count, rc);
    sri_judge(&exhaust->verdict, SRI_RULE_RING_1, 0,
              exhaust->panicked == count && rc == (count > 0 ? SR_EOPERATIONS_IN_FLIGHT : 0),
              "with %u operations in flight close answers %d, its panic counts %u", count, rc,
              exhaust->panicked);
    sri_judge(&exhaust->verdict, SRI_RULE_RING_2, 0, exhaust->panic_listed,
              "the panic does not list as many as it counts");
}

/* A step at which the ring may be closed. */
static void step_done(struct sri_exhaust *exhaust)
{
    if (exhaust->ring == NULL)
        return;
    if (!walks(exhaust, SRI_WALK_CLOSE)) {
        if (alive(exhaust, false) > 0)
            try_close(exhaust);
        return;
    }
    if (!exhaust->may_close || sri_branch_choose(&exhaust->branch, 2) == 0)
        return;
    exhaust->may_close = false;
    close_with_panic(exhaust);
    if (exhaust->ring != NULL)
        try_close(exhaust);
}

/* ---- Buffers ---- */

static bool moves_bytes(const struct sri_piece *piece)
{
    return piece->shape == SRI_SHAPE_SOURCE || piece->shape == SRI_SHAPE_TARGET;
}

static struct sri_place *free_place(struct sri_exhaust *exhaust)
{
    for (uint32_t i = 0; i < SRI_SMALL_BUFFERS; i++)
        if (exhaust->places[i].piece == NULL)
            return &exhaust->places[i];
    return NULL;
}

static bool fill(struct sri_exhaust *exhaust, const struct sri_piece *piece, struct sri_place *place)
{
    struct sr_guard guard;
    uint64_t serial = exhaust->heap->serial;
    bool made = place->handle == NULL;
    if (made && sr_buffer_new(&place->handle, SRI_SMALL_BYTES) != 0)
        return false;
    int rc = sr_buffer_try_access(&place->handle, &guard);
    sri_judge(&exhaust->verdict, SRI_RULE_BUF_6, 0, rc == 0, "a buffer at home can't be opened: %d", rc);
    if (rc != 0)
        return false;
    uint8_t *bytes = sr_guard_bytes(&guard);
    struct sri_block *block = made ? sri_heap_find(exhaust->heap, bytes, serial) : NULL;
    if (block != NULL)
        block->purpose = SRI_PURPOSE_BUFFER;
    memset(bytes, piece->shape == SRI_SHAPE_SOURCE ? 'A' + (int)number_of(exhaust, piece) : FILL,
           SRI_SMALL_BYTES);
    sr_guard_end(&guard, &place->handle);
    return true;
}

/* The bytes the kernel moved, and no others. */
static void judge_bytes(struct sri_exhaust *exhaust, const struct sri_piece *piece, struct sri_place *place)
{
    struct sr_guard guard;
    uint8_t expected[SRI_SMALL_BYTES];
    int rc = sr_buffer_try_access(&place->handle, &guard);
    if (rc != 0) {
        sri_violated(&exhaust->verdict, SRI_RULE_BUF_5, piece->id, "a buffer came back closed: %d", rc);
        return;
    }
    memset(expected, piece->shape == SRI_SHAPE_SOURCE ? 'A' + (int)number_of(exhaust, piece) : FILL,
           sizeof expected);
    if (piece->shape == SRI_SHAPE_TARGET && piece->result > 0)
        memcpy(expected, FILE_BYTES, (size_t)piece->result);
    sri_judge(&exhaust->verdict, SRI_RULE_BUF_5, piece->id,
              memcmp(sr_guard_bytes(&guard), expected, sizeof expected) == 0,
              "operation %u's buffer came back with other bytes than its result %d says",
              number_of(exhaust, piece), piece->result);
    sr_guard_end(&guard, &place->handle);
}

/* ---- Starting ---- */

static struct sr_op_spec spec_of(const struct sri_exhaust *exhaust, const struct sri_piece *piece)
{
    struct sr_range whole = sr_range(0, SRI_SMALL_BYTES);
    switch (piece->shape) {
    case SRI_SHAPE_SOURCE:
        return sr_spec_write(sr_fd(exhaust->file), 2 + 2 * (uint64_t)number_of(exhaust, piece), whole);
    case SRI_SHAPE_TARGET: return sr_spec_read(sr_fd(exhaust->file), 0, whole);
    case SRI_SHAPE_MAKES: return sr_spec_openat(sr_fd(AT_FDCWD), FILE_PATH, O_RDONLY, 0);
    case SRI_SHAPE_NONE:
    case SRI_SHAPES: break;
    }
    return sr_spec_nop();
}

/* A copied handle of a buffer that is out is refused, and nothing moves (BUF-2, BUF-4). */
static void lend_twice(struct sri_exhaust *exhaust, const struct sr_op_spec *spec)
{
    for (uint32_t i = 0; i < SRI_SMALL_BUFFERS; i++) {
        struct sri_place *place = &exhaust->places[i];
        if (place->piece == NULL)
            continue;
        struct sr_buffer *copy = place->copy;
        struct sr_op op = {0};
        int rc = sr_op_start(exhaust->ring, spec, &copy, &op);
        sri_judge(&exhaust->verdict, SRI_RULE_BUF_4, place->piece->id,
                  rc == SR_EBUFFER_IN_FLIGHT && copy == place->copy && !sr_buffer_is_user_owned(copy),
                  "a buffer in flight was lent again: %d", rc);
    }
}

static void judge_start(struct sri_exhaust *exhaust, struct sri_piece *piece, int rc)
{
    if (!sri_judge(&exhaust->verdict, SRI_RULE_OP_1, 0, rc == 0, "operation %u was refused: %d",
                   number_of(exhaust, piece), rc))
        return;
    piece->started = true;
    piece->id = piece->op.id;
    if (walks(exhaust, SRI_WALK_FATES)) {
        uint32_t fate = sri_branch_choose(&exhaust->branch, 1 + SRI_FATE_BOTH * SRI_MOMENTS);
        piece->fate = fate == 0 ? SRI_FATE_AWAIT : (enum sri_fate)(1 + (fate - 1) % SRI_FATE_BOTH);
        piece->moment = fate == 0 ? SRI_MOMENT_SEEN : (enum sri_moment)((fate - 1) / SRI_FATE_BOTH);
    }
    sri_small_say(exhaust, "operation %u started, id %#llx", number_of(exhaust, piece),
                  (unsigned long long)piece->id);
}

static void start(struct sri_exhaust *exhaust, struct sri_piece *piece)
{
    struct sr_op_spec spec = spec_of(exhaust, piece);
    struct sri_place *place = NULL;
    int rc;
    if (moves_bytes(piece)) {
        lend_twice(exhaust, &spec);
        place = free_place(exhaust);
        if (!fill(exhaust, piece, place))
            return;
        place->copy = place->handle;
        rc = sr_op_start(exhaust->ring, &spec, &place->handle, &piece->op);
        sri_judge(&exhaust->verdict, SRI_RULE_BUF_2, piece->op.id, (place->handle == NULL) == (rc == 0),
                  "a start answered %d and left the handle %s", rc,
                  place->handle == NULL ? "empty" : "as it was");
    } else {
        rc = sr_op_start_plain(exhaust->ring, &spec, &piece->op);
    }
    judge_start(exhaust, piece, rc);
    if (place != NULL && piece->started) {
        piece->place = place;
        place->piece = piece;
    }
}

/* ---- The end of one ---- */

static void over(struct sri_piece *piece)
{
    piece->over = true;
    if (piece->place != NULL)
        piece->place->piece = NULL;
}

static void take(struct sri_exhaust *exhaust, struct sri_piece *piece)
{
    struct sr_completion done;
    struct sr_buffer *back = NULL;
    int rc = sr_op_peek(exhaust->ring, &piece->op, &done);
    if (!sri_judge(&exhaust->verdict, SRI_RULE_OP_4, piece->id, rc == 0 && done.id == piece->id,
                   "operation %u has ended, and its completion can't be had: %d", number_of(exhaust, piece),
                   rc))
        return;
    int32_t result = sr_take(&done, &back);
    sri_small_say(exhaust, "operation %u taken: %d", number_of(exhaust, piece), result);
    sri_judge(&exhaust->verdict, SRI_RULE_BUF_5, piece->id,
              result == piece->result && (back != NULL) == moves_bytes(piece),
              "operation %u gave %d, the kernel had %d; it gave %s buffer", number_of(exhaust, piece), result,
              piece->result, back != NULL ? "a" : "no");
    struct sri_place *place = piece->place;
    over(piece);
    if (place != NULL) {
        place->handle = back;
        if (back != NULL)
            judge_bytes(exhaust, piece, place);
    }
    if (piece->shape == SRI_SHAPE_MAKES && result >= 0)
        exhaust->made[exhaust->made_count++] = result;
    struct sr_op stale = {piece->id};
    struct sr_completion none;
    rc = sr_op_peek(exhaust->ring, &stale, &none);
    sri_judge(&exhaust->verdict, SRI_RULE_OP_3, piece->id, rc == SR_ESTALE,
              "the handle of an operation that is over answers %d", rc);
}

static void take_seen(struct sri_exhaust *exhaust)
{
    for (uint32_t i = 0; i < exhaust->small->count; i++) {
        struct sri_piece *piece = &exhaust->pieces[i];
        if (piece->seen && !piece->dropped && !piece->over)
            take(exhaust, piece);
    }
}

/* ---- Giving up ---- */

static void cancel(struct sri_exhaust *exhaust, struct sri_piece *piece)
{
    int rc = sr_op_cancel(exhaust->ring, &piece->op);
    sri_small_say(exhaust, "operation %u cancelled: %d", number_of(exhaust, piece), rc);
    sri_judge(&exhaust->verdict, SRI_RULE_ORPH_5, piece->id, rc == (piece->seen ? SR_EINVALID_STATE : 0),
              "a cancel of operation %u answers %d", number_of(exhaust, piece), rc);
    if (rc == 0 && !piece->consumed) {
        piece->seen = true;
        piece->result = -ECANCELED;
    }
}

static void drop(struct sri_exhaust *exhaust, struct sri_piece *piece)
{
    sri_small_say(exhaust, "operation %u dropped", number_of(exhaust, piece));
    piece->dropped = true;
    sr_op_drop(exhaust->ring, &piece->op);
    sri_judge(&exhaust->verdict, SRI_RULE_ORPH_1, piece->id, piece->op.id == 0,
              "a dropped operation's handle is still there");
    if (!piece->consumed || piece->seen)
        over(piece);
}

/* What the program does with its operations at this moment of theirs. True: something may be to be sent. */
static bool act(struct sri_exhaust *exhaust, enum sri_moment moment)
{
    bool acted = false;
    for (uint32_t i = 0; i < exhaust->small->count; i++) {
        struct sri_piece *piece = &exhaust->pieces[i];
        if (!piece->started || piece->acted || piece->over || piece->fate == SRI_FATE_AWAIT ||
            piece->moment != moment)
            continue;
        bool there = moment == SRI_MOMENT_QUEUED      ? !piece->consumed
                     : moment == SRI_MOMENT_UNDER_WAY ? piece->consumed && !piece->posted
                     : moment == SRI_MOMENT_POSTED    ? piece->posted && !piece->seen
                                                      : piece->seen;
        if (!there)
            continue;
        piece->acted = true;
        acted = true;
        if (piece->fate != SRI_FATE_DROP)
            cancel(exhaust, piece);
        if (piece->fate != SRI_FATE_CANCEL)
            drop(exhaust, piece);
    }
    return acted;
}

static void send_all(struct sri_exhaust *exhaust)
{
    int rc = sr_ring_submit(exhaust->ring);
    sri_judge(&exhaust->verdict, SRI_RULE_OP_6, 0, rc == 0, "a submission answers %d", rc);
    for (uint32_t i = 0; i < exhaust->small->count; i++) {
        const struct sri_piece *piece = &exhaust->pieces[i];
        bool queued = piece->started && !piece->over && !piece->seen && !piece->consumed;
        sri_judge(&exhaust->verdict, SRI_RULE_OP_6, piece->id, !queued,
                  "a submission left operation %u behind", i);
    }
}

static void submit(struct sri_exhaust *exhaust)
{
    act(exhaust, SRI_MOMENT_QUEUED);
    send_all(exhaust);
    step_done(exhaust);
    if (exhaust->ring != NULL && act(exhaust, SRI_MOMENT_UNDER_WAY)) {
        send_all(exhaust);
        step_done(exhaust);
    }
}

/* ---- Waiting ---- */

static void judge_counts(struct sri_exhaust *exhaust)
{
    uint32_t in_flight = sr_ring_in_flight(exhaust->ring);
    uint32_t orphans = sr_ring_orphan_count(exhaust->ring);
    sri_judge(&exhaust->verdict, SRI_RULE_ORPH_3, 0,
              in_flight == alive(exhaust, false) && orphans == alive(exhaust, true),
              "%u operations are in flight, %u of them orphans; the ring says %u and %u",
              alive(exhaust, false), alive(exhaust, true), in_flight, orphans);
}

static void look(struct sri_exhaust *exhaust)
{
    int rc = sr_ring_dispatch(exhaust->ring, NULL);
    sri_small_say(exhaust, "look: %d", rc);
    sri_judge(&exhaust->verdict, SRI_RULE_OP_8, 0, rc == 0, "a look answers %d", rc);
    for (uint32_t i = 0; i < exhaust->small->count; i++) {
        struct sri_piece *piece = &exhaust->pieces[i];
        if (!piece->posted || piece->over)
            continue;
        piece->seen = true;
        if (piece->dropped)
            over(piece);
    }
    judge_counts(exhaust);
    step_done(exhaust);
    if (exhaust->ring == NULL)
        return;
    act(exhaust, SRI_MOMENT_SEEN);
    take_seen(exhaust);
}

static bool under_way(const struct sri_exhaust *exhaust)
{
    for (uint32_t i = 0; i < exhaust->small->count; i++)
        if (exhaust->pieces[i].consumed && !exhaust->pieces[i].posted)
            return true;
    return false;
}

/* The kernel ends one, and the program looks, or waits for another. */
static void advance(struct sri_exhaust *exhaust)
{
    bool waits = under_way(exhaust);
    if (waits && sr_sim_step(exhaust->sim) == 0) {
        sri_violated(&exhaust->verdict, SRI_RULE_ORPH_3, 0, "what is under way never ends");
        return;
    }
    step_done(exhaust);
    if (exhaust->ring == NULL)
        return;
    if (act(exhaust, SRI_MOMENT_POSTED))
        send_all(exhaust);
    if (walks(exhaust, SRI_WALK_LOOKS) && under_way(exhaust) && sri_branch_choose(&exhaust->branch, 2) != 0)
        return;
    look(exhaust);
}

/* ---- A run ---- */

static bool goes_on(const struct sri_exhaust *exhaust)
{
    return exhaust->ring != NULL && exhaust->verdict.kept == 0;
}

static bool begin(struct sri_exhaust *exhaust)
{
    struct sr_sim_options options = sr_sim_options_default();
    options.flags = SR_SIM_KIND | SR_SIM_NO_TRACE;
    memset(exhaust->pieces, 0, sizeof exhaust->pieces);
    memset(exhaust->places, 0, sizeof exhaust->places);
    exhaust->made_count = 0;
    exhaust->may_close = true;
    for (uint32_t i = 0; i < exhaust->small->count; i++)
        exhaust->pieces[i].shape = exhaust->small->shapes[i];
    int rc = sr_sim_reset(exhaust->sim, &options);
    if (rc == 0)
        rc = sr_sim_file(exhaust->sim, FILE_PATH, FILE_BYTES, sizeof FILE_BYTES - 1);
    if (rc == 0)
        rc = sr_sim_open(exhaust->sim, FILE_PATH, O_RDWR, &exhaust->file);
    if (rc == 0)
        rc = sri_engine_add_observer(sri_sim_engine(exhaust->sim), sri_small_observer(exhaust));
    sri_engine_set_chooser(sri_sim_engine(exhaust->sim), sri_small_chooser(exhaust));
    struct sr_config config = sr_config_default();
    config.backend = &exhaust->backend;
    config.entries = 4;
    config.post_entries = 1;
    config.argument_bytes = 64;
    config.defer_taskrun = false;
    exhaust->heap->purpose = SRI_PURPOSE_RING;
    if (rc == 0)
        rc = sr_ring_open_config(&exhaust->ring, &config);
    exhaust->heap->purpose = SRI_PURPOSE_OTHER;
    return sri_judge(&exhaust->verdict, SRI_RULE_RING_5, 0, rc == 0, "a run can't begin: %d", rc);
}

static void play(struct sri_exhaust *exhaust)
{
    const uint32_t count = exhaust->small->count;
    for (uint32_t i = 0; i < count && goes_on(exhaust); i++) {
        struct sri_piece *piece = &exhaust->pieces[i];
        if (moves_bytes(piece) && free_place(exhaust) == NULL)
            submit(exhaust);
        while (goes_on(exhaust) && moves_bytes(piece) && free_place(exhaust) == NULL)
            advance(exhaust);
        if (!goes_on(exhaust))
            break;
        start(exhaust, piece);
        step_done(exhaust);
        bool last = i + 1 == count;
        if (goes_on(exhaust) && !last && walks(exhaust, SRI_WALK_SUBMITS) &&
            sri_branch_choose(&exhaust->branch, 2) != 0)
            submit(exhaust);
    }
    if (goes_on(exhaust))
        submit(exhaust);
    if (goes_on(exhaust) && !under_way(exhaust))
        look(exhaust);
    while (goes_on(exhaust) && alive(exhaust, false) > 0)
        advance(exhaust);
}

static void judge_file(struct sri_exhaust *exhaust)
{
    char expected[] = FILE_BYTES;
    char content[sizeof expected] = "";
    size_t length = 0;
    int rc = sr_sim_file_content(exhaust->sim, FILE_PATH, content, sizeof content - 1, &length);
    for (uint32_t i = 0; i < exhaust->small->count; i++) {
        const struct sri_piece *piece = &exhaust->pieces[i];
        if (piece->shape == SRI_SHAPE_SOURCE && piece->posted && piece->result > 0)
            memset(expected + 2 + 2 * i, 'A' + (int)i, (size_t)piece->result);
    }
    sri_judge(&exhaust->verdict, SRI_RULE_BUF_3, 0,
              rc == 0 && length == sizeof expected - 1 && memcmp(content, expected, length) == 0,
              "the file holds %s, its writes say %s", content, expected);
}

static void end(struct sri_exhaust *exhaust, uint64_t serial)
{
    if (exhaust->ring != NULL)
        close_with_panic(exhaust);
    for (uint32_t i = 0; i < SRI_SMALL_BUFFERS; i++) {
        struct sri_place *place = &exhaust->places[i];
        int rc = place->handle != NULL ? sr_buffer_release(&place->handle) : 0;
        sri_judge(&exhaust->verdict, SRI_RULE_BUF_9, 0, rc == 0, "a buffer at home can't be released: %d",
                  rc);
    }
    judge_file(exhaust);
    for (uint32_t i = 0; i < exhaust->made_count; i++)
        sri_judge(&exhaust->verdict, SRI_RULE_ORPH_4, 0, sr_sim_close(exhaust->sim, exhaust->made[i]) == 0,
                  "a descriptor that was taken is closed");
    uint32_t left = 0;
    uint64_t bytes[2] = {0, 0};
    sr_sim_open_descriptors(exhaust->sim, NULL, &left);
    sri_judge(&exhaust->verdict, SRI_RULE_ORPH_4, 0, left == 0, "owed: %u descriptors", left);
    uint64_t buffers = sri_heap_owed(exhaust->heap, SRI_PURPOSE_BUFFER, serial, &bytes[0]);
    uint64_t blocks = sri_heap_owed(exhaust->heap, SRI_PURPOSE_RING, serial, &bytes[1]);
    sri_judge(&exhaust->verdict, SRI_RULE_ORPH_3, 0, buffers == 0, "owed: %llu buffers (%llu bytes)",
              (unsigned long long)buffers, (unsigned long long)bytes[0]);
    sri_judge(&exhaust->verdict, SRI_RULE_RING_5, 0, blocks == 0,
              "owed: %llu blocks (%llu bytes) of a ring that was closed", (unsigned long long)blocks,
              (unsigned long long)bytes[1]);
    sri_judge(&exhaust->verdict, SRI_RULE_BUF_3, 0, exhaust->heap->stained == 0,
              "owed: released blocks were written into");
}

void sri_small_play(struct sri_exhaust *exhaust)
{
    sri_verdict_begin(&exhaust->verdict);
    uint64_t serial = exhaust->heap->serial;
    sr_set_panic_handler(panicked, exhaust);
    if (!begin(exhaust))
        return;
    play(exhaust);
    /* A run that broke a rule is not unwound: what it left may be anything. */
    if (exhaust->verdict.kept == 0)
        end(exhaust, serial);
}
