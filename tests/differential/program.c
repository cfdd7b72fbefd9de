/*
 * Drawing a program. Shapes it so that most have one outcome only: what a kernel is free to order is drawn seldom, and
 * rounds usually end with a wait for what will come by itself.
 */
#include "program.h"

#include <poll.h>
#include <string.h>

#include <linux/io_uring.h>

/* Of 1024. */
#define SELDOM 24u
#define NOW_AND_THEN 100u
#define OFTEN 300u
#define MOSTLY 860u

struct drawing {
    struct sri_tape *tape;
    struct df_program *program;
    struct df_round *round;
    enum df_reach reach;
    uint8_t linked; /* the flags by which the entry before goes on, or 0 */
    bool refused;   /* an entry may have stopped its batch, so that later rounds begin elsewhere */
    bool briefly;   /* a plain program's round has a timeout that expires */
    bool links;     /* a plain program's round has chains */
    bool prompt;    /* the chain so far ends by itself, in order, whoever carries it out */
    uint8_t chains; /* in this round: the number of the one that is drawn, or of the entry by itself */
    uint8_t toucher[DF_OBJECTS]; /* which of them came to an object, if it was one only */
    bool unsettled;              /* something may still be on its way from the round before */
    bool leftover;               /* the round before left entries in the SQ */
    bool floats;                 /* the round has an entry that floats */
    bool chain;                  /* all entries of the round are one chain */
    bool touched[DF_OBJECTS];    /* in this round */
    bool used[DF_OBJECTS][2];    /* the same, of each end */
    bool ever[DF_OBJECTS];       /* before */
    bool cancels;                /* something is being cancelled */
    bool connects;               /* somebody connects */
    bool receives;               /* something takes provided buffers and goes on */
    bool selects;                /* something takes one */
    bool counts;                 /* a timeout counts completions */
    bool takes[DF_OBJECTS];      /* somebody waits for what comes, or did */
    bool goes_on[DF_OBJECTS];    /* and goes on after a CQE */
    bool sweeps;                 /* the round cancels by more than a value */
    bool written[DF_OBJECTS];    /* by a worker, in this round */
    bool closed[DF_OBJECTS];
    bool closes; /* the round closes a descriptor, so that nothing may open one */
    bool opens;  /* the other way round */
};

static uint32_t choose(struct drawing *drawing, uint32_t n)
{
    return sri_tape_choose(drawing->tape, n);
}

static bool chance(struct drawing *drawing, uint32_t of_1024)
{
    return sri_tape_weighed(drawing->tape, 2, of_1024) != 0;
}

static const uint8_t kind_weights[DF_KINDS] = {
    [DF_NOP] = 14,         [DF_READ] = 16,       [DF_WRITE] = 14,         [DF_READV] = 5,
    [DF_WRITEV] = 5,       [DF_RECV] = 7,        [DF_SEND] = 7,           [DF_RECVMSG] = 3,
    [DF_SENDMSG] = 3,      [DF_READ_FIXED] = 3,  [DF_WRITE_FIXED] = 3,    [DF_POLL] = 7,
    [DF_TIMEOUT] = 5,      [DF_CANCEL] = 8,      [DF_ACCEPT] = 3,         [DF_CONNECT] = 3,
    [DF_POLL_REMOVE] = 2,  [DF_POLL_UPDATE] = 2, [DF_TIMEOUT_REMOVE] = 2, [DF_TIMEOUT_UPDATE] = 2,
    [DF_LINK_TIMEOUT] = 1, [DF_FSYNC] = 2,       [DF_OPENAT] = 2,         [DF_CLOSE] = 2,
    [DF_BAD] = 1,
};

static uint8_t draw_kind(struct drawing *drawing)
{
    uint32_t sum = 0;
    for (unsigned i = 0; i < DF_KINDS; i++)
        sum += kind_weights[i];
    /* A cancel is often followed by another. */
    const struct df_program *program = drawing->program;
    if (drawing->round->count > 0 && program->entry[program->entries - 2].kind == DF_CANCEL &&
        chance(drawing, OFTEN))
        return DF_CANCEL;
    uint32_t drawn = choose(drawing, sum);
    uint8_t kind = 0;
    while (drawn >= kind_weights[kind])
        drawn -= kind_weights[kind++];
    return kind;
}

/* Which objects suit a kind: its first choices; any other one now and then. */
static bool suits(uint8_t kind, uint8_t object)
{
    switch (kind) {
    case DF_RECV:
    case DF_SEND:
    case DF_RECVMSG:
    case DF_SENDMSG: return object == DF_PAIR || object == DF_TCP;
    case DF_ACCEPT:
    case DF_CONNECT: return object == DF_LISTENER;
    case DF_FSYNC: return object == DF_FILE;
    case DF_READ_FIXED:
    case DF_WRITE_FIXED:
    default: return object != DF_LISTENER && object != DF_NOTHING;
    }
}

static uint8_t draw_object(struct drawing *drawing, uint8_t kind)
{
    uint8_t fitting[DF_OBJECTS];
    uint32_t count = 0;
    for (uint8_t i = 0; i < DF_OBJECTS; i++) {
        if (suits(kind, drawing->program->object[i]))
            fitting[count++] = i;
    }
    if (count == 0 || chance(drawing, SELDOM))
        return (uint8_t)choose(drawing, DF_OBJECTS);
    return fitting[choose(drawing, count)];
}

/* The end that makes sense for it, if it matters. */
static uint8_t usual_end(uint8_t kind, uint8_t object, uint8_t drawn)
{
    if (object == DF_LISTENER)
        return kind == DF_CONNECT;
    if (object == DF_FILE)
        return 0;
    if (object != DF_PIPE && object != DF_FULL)
        return drawn;
    if (kind == DF_READ || kind == DF_READV || kind == DF_READ_FIXED)
        return 0;
    return kind == DF_WRITE || kind == DF_WRITEV || kind == DF_WRITE_FIXED ? 1 : drawn;
}

static void draw_place(struct drawing *drawing, struct df_entry *entry)
{
    entry->object = draw_object(drawing, entry->kind);
    entry->end = (uint8_t)choose(drawing, 2);
    if (!chance(drawing, SELDOM))
        entry->end = usual_end(entry->kind, drawing->program->object[entry->object], entry->end);
}

static void draw_transfer(struct drawing *drawing, struct df_entry *entry)
{
    static const uint8_t lengths[] = {8, 1, 16, 64, 33, 0};
    static const uint64_t offsets[] = {0, UINT64_MAX, 8, 60, 64, 100};
    entry->length = lengths[sri_tape_weighed(drawing->tape, 6, 500)];
    uint8_t object = drawing->program->object[entry->object];
    if (object == DF_FILE || chance(drawing, SELDOM))
        entry->offset = offsets[choose(drawing, 6)];
    entry->variant = (uint8_t)sri_tape_weighed(drawing->tape, 4, NOW_AND_THEN);
}

static void draw_target(struct drawing *drawing, struct df_entry *entry, uint32_t index)
{
    entry->target = (uint8_t)(index == 0 ? 0 : index - 1 - choose(drawing, index < 8 ? index : 8));
}

static void draw_cancel(struct drawing *drawing, struct df_entry *entry, uint32_t index)
{
    draw_target(drawing, entry, index);
    if (index > 0 && entry[-1].kind == DF_CANCEL && chance(drawing, 500))
        entry->target = entry[-1].target;
    entry->variant = (uint8_t)sri_tape_weighed(drawing->tape, DF_KEYS, OFTEN);
    const struct df_entry *target = &drawing->program->entry[entry->target];
    entry->object = target->object;
    entry->end = target->end;
}

static bool has_limit(struct drawing *drawing)
{
    return !drawing->floats && chance(drawing, OFTEN);
}

static void draw_time(struct drawing *drawing, struct df_entry *entry)
{
    entry->brief = has_limit(drawing);
    drawing->program->brief |= entry->brief;
    entry->variant = (uint8_t)sri_tape_weighed(drawing->tape, 4, OFTEN);
}

static bool is_transfer(uint8_t kind)
{
    return kind >= DF_READ && kind <= DF_WRITE_FIXED;
}

static void draw_details(struct drawing *drawing, struct df_entry *entry, uint32_t index)
{
    switch (entry->kind) {
    case DF_CANCEL: draw_cancel(drawing, entry, index); return;
    case DF_TIMEOUT:
    case DF_LINK_TIMEOUT: draw_time(drawing, entry); return;
    case DF_POLL_REMOVE:
    case DF_TIMEOUT_REMOVE:
    case DF_TIMEOUT_UPDATE: draw_target(drawing, entry, index); return;
    case DF_POLL_UPDATE:
        draw_target(drawing, entry, index);
        entry->variant = (uint8_t)choose(drawing, 4);
        return;
    case DF_BAD: entry->variant = (uint8_t)choose(drawing, 4); return;
    case DF_NOP: return;
    default: break;
    }
    draw_place(drawing, entry);
    if (is_transfer(entry->kind))
        draw_transfer(drawing, entry);
    else
        entry->variant = (uint8_t)choose(drawing, 4);
}

static bool has_place(uint8_t kind)
{
    return is_transfer(kind) || kind == DF_POLL || kind == DF_ACCEPT || kind == DF_CONNECT ||
           kind == DF_FSYNC || kind == DF_CLOSE || kind == DF_CANCEL;
}

/* It must be seen to end, or nobody could wait for it. */
static void let_float(struct df_entry *entry)
{
    entry->floats = true;
    entry->flags &= (uint8_t)~IOSQE_CQE_SKIP_SUCCESS;
}

/* Ends by itself wherever it is carried out, and nobody waits for the same. */
static bool may_be_async(const struct drawing *drawing, const struct df_entry *entry)
{
    bool puts = entry->kind == DF_WRITE || entry->kind == DF_WRITEV || entry->kind == DF_SEND;
    uint8_t object = drawing->program->object[entry->object];
    if (entry->kind == DF_NOP || entry->kind == DF_FSYNC || entry->kind == DF_OPENAT)
        return true;
    if (!is_transfer(entry->kind) || (entry->flags & (IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT)) != 0 ||
        entry->end != usual_end(entry->kind, object, entry->end))
        return false;
    return object == DF_FILE || (puts && entry->length > 0 && entry->variant == 0 && entry->offset == 0 &&
                                 (object == DF_PIPE || object == DF_PAIR) && !drawing->ever[entry->object]);
}

static bool goes_to_worker(const struct df_program *program, const struct df_entry *entry)
{
    bool writes = entry->kind == DF_WRITE || entry->kind == DF_WRITEV || entry->kind == DF_WRITE_FIXED;
    return (entry->flags & (IOSQE_ASYNC | IOSQE_IO_DRAIN)) != 0 || entry->kind == DF_FSYNC ||
           entry->kind == DF_OPENAT ||
           ((writes || entry->kind == DF_CLOSE) && program->object[entry->object] == DF_FILE);
}

/* On a file, or on nothing: it waits for nobody, and a worker does it as well as the submitter. */
static bool is_prompt(const struct drawing *drawing, const struct df_entry *entry)
{
    if (entry->kind == DF_NOP || entry->kind == DF_FSYNC || entry->kind == DF_OPENAT)
        return true;
    return is_transfer(entry->kind) && drawing->program->object[entry->object] == DF_FILE &&
           entry->end == 0 && (entry->flags & (IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT)) == 0;
}

/* Behind a worker's request whoever is quicker carries on: only what is the same by both. */
static bool follows_a_worker(const struct drawing *drawing, const struct df_entry *entry)
{
    return drawing->reach == DF_PLAIN && drawing->linked != 0 && entry[-1].floats;
}

/* Has another chain of this round, or an entry by itself, come to this object? In its own chain all is in order. */
static bool is_shared(const struct drawing *drawing, uint8_t object)
{
    return drawing->touched[object] && drawing->toucher[object] != drawing->chains;
}

/* Is told of what comes to an object, or takes it. */
static bool is_taker(const struct df_entry *entry)
{
    return entry->kind == DF_READ || entry->kind == DF_READV || entry->kind == DF_RECV ||
           entry->kind == DF_RECVMSG || entry->kind == DF_READ_FIXED || entry->kind == DF_POLL;
}

/* What plain programs leave out: there the engine is known to differ, or the outcome is luck. */
static bool is_bold(struct drawing *drawing, const struct df_entry *entry)
{
    if (drawing->reach == DF_BOLD)
        return false;
    /* One that begins to count behind a link counts by an order of CQEs, which the engine over the host does not promise. */
    if (entry->kind == DF_TIMEOUT && drawing->linked != 0 && (entry->variant == 1 || entry->variant == 2))
        return true;
    /* The true kernel lets go of what an entry has used when the batch is over, and so of a file closed behind it. */
    if (entry->kind == DF_CLOSE && drawing->used[entry->object][entry->end])
        return true;
    /* An accept that is being cancelled still takes the wake of a connection, which then nobody hears of. */
    if ((entry->kind == DF_CONNECT && drawing->cancels) || (entry->kind == DF_CANCEL && drawing->connects))
        return true;
    /* A receive that was woken twice looks before it takes a buffer, so that it may go on where there is none. */
    if ((entry->flags & IOSQE_BUFFER_SELECT) != 0 && (entry->many ? drawing->selects : drawing->receives))
        return true;
    /* Who goes on keeps its place among those that wait, in the true kernel: here it is the newest again. */
    if (is_taker(entry) && (entry->many ? drawing->takes : drawing->goes_on)[entry->object])
        return true;
    /* A worker may still be found at work when its CQE has been seen. */
    if (entry->kind == DF_CANCEL && drawing->program->entry[entry->target].floats)
        return true;
    return false;
}

/* What would make a round's outcome depend on luck, or on the numbers of descriptors, becomes a NOP. */
static void tame(struct drawing *drawing, struct df_entry *entry)
{
    bool opens = entry->kind == DF_OPENAT || entry->kind == DF_ACCEPT;
    bool closes = entry->kind == DF_CLOSE;
    if (drawing->reach == DF_PLAIN && !may_be_async(drawing, entry))
        entry->flags &= (uint8_t)~IOSQE_ASYNC;
    if (drawing->linked == 0) {
        drawing->chains++;
        drawing->prompt = true;
    }
    bool floats = goes_to_worker(drawing->program, entry) || follows_a_worker(drawing, entry);
    bool counts = entry->kind == DF_TIMEOUT && (entry->variant == 1 || entry->variant == 2);
    bool sweeps = entry->kind == DF_CANCEL && entry->variant != DF_BY_DATA;
    uint8_t object = drawing->program->object[entry->object];
    /* A worker finds a missing descriptor late. */
    bool bad = has_place(entry->kind) && (object == DF_NOTHING || (object == DF_FILE && entry->end == 1) ||
                                          drawing->closed[entry->object]);
    bool quiet = !drawing->leftover && !drawing->unsettled && drawing->prompt &&
                 !(follows_a_worker(drawing, entry) && !is_prompt(drawing, entry));
    bool allowed = drawing->reach == DF_PLAIN ? quiet : drawing->program->wild || drawing->chain;
    /* When a far end knows of a close is the network's business. */
    bool far = closes && object == DF_TCP;
    bool crosses = drawing->reach == DF_PLAIN
                       ? ((floats && (drawing->sweeps || drawing->counts)) || (counts && drawing->floats) ||
                          (sweeps && drawing->floats) ||
                          (has_place(entry->kind) && is_shared(drawing, entry->object) &&
                           (floats || drawing->written[entry->object])))
                       : (floats && drawing->floats && drawing->linked == 0) ||
                             (is_transfer(entry->kind) && drawing->linked == 0 &&
                              drawing->touched[entry->object] && (floats || drawing->written[entry->object]));
    if (is_bold(drawing, entry) || far || crosses ||
        (floats && (bad || drawing->program->brief || !allowed)) || (opens && drawing->closes) ||
        (closes && (drawing->opens || drawing->floats))) {
        entry->kind = DF_NOP;
        entry->many = false;
        entry->flags &= (uint8_t) ~(IOSQE_ASYNC | IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT);
        if (follows_a_worker(drawing, entry))
            let_float(entry);
        return;
    }
    drawing->prompt = drawing->prompt && is_prompt(drawing, entry);
    if (is_taker(entry)) {
        drawing->takes[entry->object] = true;
        drawing->goes_on[entry->object] |= entry->many;
    }
    drawing->cancels |= entry->kind == DF_CANCEL;
    drawing->connects |= entry->kind == DF_CONNECT;
    drawing->receives |= entry->many && (entry->flags & IOSQE_BUFFER_SELECT) != 0;
    drawing->selects |= !entry->many && (entry->flags & IOSQE_BUFFER_SELECT) != 0;
    drawing->refused |= entry->kind == DF_BAD || (entry->kind == DF_LINK_TIMEOUT && drawing->linked == 0);
    if (drawing->reach == DF_PLAIN && entry->brief) {
        drawing->briefly = true;
        entry->flags &= (uint8_t)~IOSQE_CQE_SKIP_SUCCESS;
    }
    drawing->opens |= opens;
    drawing->closes |= closes;
    drawing->closed[entry->object] |= closes;
    drawing->counts |= counts;
    if (floats && drawing->reach == DF_PLAIN &&
        !is_prompt(drawing, entry)) /* what follows would be a worker's too */
        entry->flags &= (uint8_t) ~(IOSQE_IO_LINK | IOSQE_IO_HARDLINK);
    drawing->floats |= floats;
    drawing->sweeps |= sweeps;
    if (floats)
        let_float(entry);
    if (has_place(entry->kind)) {
        drawing->toucher[entry->object] = is_shared(drawing, entry->object) ? UINT8_MAX : drawing->chains;
        drawing->touched[entry->object] = true;
        drawing->used[entry->object][entry->end] |= entry->kind != DF_CLOSE;
        drawing->ever[entry->object] = true;
        drawing->written[entry->object] |= floats;
    }
}

static void draw_flags(struct drawing *drawing, struct df_entry *entry)
{
    static const uint8_t links[] = {0, IOSQE_IO_LINK, IOSQE_IO_HARDLINK};
    if (drawing->reach == DF_PLAIN && !drawing->links) {
        entry->flags = chance(drawing, SELDOM / 2) ? IOSQE_CQE_SKIP_SUCCESS : 0;
        if (chance(drawing, SELDOM))
            entry->flags |= IOSQE_ASYNC;
        return;
    }
    uint32_t often = drawing->chain ? 1000 : drawing->linked != 0 ? 450 : 130;
    entry->flags = links[sri_tape_weighed(drawing->tape, 3, often)];
    if (drawing->program->wild && chance(drawing, SELDOM))
        entry->flags |= IOSQE_IO_DRAIN;
    if (chance(drawing, 2 * SELDOM))
        entry->flags |= IOSQE_CQE_SKIP_SUCCESS;
    if (chance(drawing, drawing->reach == DF_BOLD ? SELDOM / 3 : 2 * SELDOM))
        entry->flags |= IOSQE_ASYNC;
}

/* May wait, so that a time limit on it makes sense. */
static bool may_wait(const struct df_entry *entry)
{
    return is_transfer(entry->kind) || entry->kind == DF_POLL || entry->kind == DF_ACCEPT;
}

/* Descriptors come and go with these: their CQEs must be known from others'. */
static bool has_descriptor(uint8_t kind)
{
    return kind == DF_OPENAT || kind == DF_ACCEPT || kind == DF_CLOSE;
}

static bool is_linked(const struct df_entry *entry)
{
    return (entry->flags & (IOSQE_IO_LINK | IOSQE_IO_HARDLINK)) != 0;
}

/* Usually its own; sometimes that of one before. */
static void draw_user_data(struct drawing *drawing, struct df_entry *entry, uint32_t index)
{
    entry->user_data = (uint8_t)(index + 1);
    if (has_descriptor(entry->kind)) {
        entry->flags &= (uint8_t)~IOSQE_CQE_SKIP_SUCCESS;
        return;
    }
    if (entry->floats)
        return;
    if (index == 0 || !chance(drawing, SELDOM))
        return;
    const struct df_entry *other = entry - 1 - choose(drawing, index < 4 ? index : 4);
    if (!has_descriptor(other->kind) && !other->floats)
        entry->user_data = other->user_data;
}

/* Registered files and buffers, provided buffers, and what goes on after a CQE. */
static void draw_resources(struct drawing *drawing, struct df_entry *entry)
{
    uint8_t registers = drawing->program->registers;
    bool fixed = is_transfer(entry->kind) || entry->kind == DF_POLL || entry->kind == DF_ACCEPT ||
                 entry->kind == DF_FSYNC;
    if ((registers & DF_HAS_FILES) && fixed && chance(drawing, OFTEN))
        entry->flags |= IOSQE_FIXED_FILE;
    if ((registers & (DF_HAS_GROUP | DF_HAS_RING)) && (entry->kind == DF_RECV || entry->kind == DF_READ) &&
        chance(drawing, OFTEN))
        entry->flags |= IOSQE_BUFFER_SELECT;
    entry->many =
        (entry->kind == DF_ACCEPT || (entry->kind == DF_RECV && (entry->flags & IOSQE_BUFFER_SELECT))) &&
        entry->variant == 0 && chance(drawing, OFTEN);
    if (entry->many)
        entry->flags &= (uint8_t) ~(IOSQE_IO_LINK | IOSQE_IO_HARDLINK | IOSQE_CQE_SKIP_SUCCESS);
}

static void draw_entry(struct drawing *drawing)
{
    struct df_program *program = drawing->program;
    uint32_t index = program->entries++;
    struct df_entry *entry = &program->entry[index];
    const struct df_entry *before = index > program->round[program->rounds].first ? entry - 1 : NULL;
    memset(entry, 0, sizeof *entry);
    entry->kind = draw_kind(drawing);
    if (drawing->linked != 0 && before != NULL && may_wait(before) && chance(drawing, OFTEN))
        entry->kind = DF_LINK_TIMEOUT;
    draw_details(drawing, entry, index);
    draw_flags(drawing, entry);
    draw_resources(drawing, entry);
    tame(drawing, entry);
    draw_user_data(drawing, entry, index);
    drawing->linked = entry->flags & (IOSQE_IO_LINK | IOSQE_IO_HARDLINK);
    drawing->round->count++;
}

/* A chain ends with its submission; the true kernel then carries out its head in a worker. */
static void part_chain(struct drawing *drawing, struct df_round *round)
{
    struct df_program *program = drawing->program;
    uint32_t end = (uint32_t)round->first + round->count - round->left_out;
    if (end == 0 || !is_linked(&program->entry[end - 1]))
        return;
    if (drawing->reach == DF_PLAIN) {
        round->left_out = 0;
        return;
    }
    uint32_t head = end - 1;
    while (head > round->first && is_linked(&program->entry[head - 1]))
        head--;
    let_float(&program->entry[head]);
}

static void draw_poke(struct drawing *drawing, struct df_poke *poke)
{
    static const uint8_t lengths[] = {8, 1, 33, 64};
    poke->kind = (uint8_t)sri_tape_weighed(drawing->tape, DF_POKE_KINDS, OFTEN);
    poke->object = (uint8_t)choose(drawing, DF_OBJECTS);
    poke->end = (uint8_t)choose(drawing, 2);
    poke->length = lengths[choose(drawing, 4)];
    uint8_t object = drawing->program->object[poke->object];
    if (object != DF_PIPE && object != DF_FULL)
        return;
    if (poke->kind == DF_POKE_SHUTDOWN)
        poke->kind = DF_POKE_CLOSE;
    if (poke->kind != DF_POKE_CLOSE)
        poke->end = poke->kind == DF_POKE_WRITE;
}

/* Bytes can be moved from outside on these. */
static bool can_be_poked(uint8_t object)
{
    return object == DF_PIPE || object == DF_FULL || object == DF_PAIR || object == DF_TCP;
}

/* A plain program waits for what workers do in the same round. */
static bool has_workers(const struct drawing *drawing)
{
    return drawing->reach == DF_PLAIN && drawing->floats;
}

static void draw_round(struct drawing *drawing)
{
    struct df_program *program = drawing->program;
    struct df_round *round = &program->round[program->rounds];
    memset(round, 0, sizeof *round);
    drawing->round = round;
    drawing->linked = 0;
    drawing->floats = drawing->closes = drawing->opens = drawing->sweeps = false;
    drawing->cancels = drawing->cancels && drawing->unsettled; /* else all have ended */
    drawing->connects = drawing->connects && drawing->unsettled;
    memset(drawing->touched, 0, sizeof drawing->touched);
    memset(drawing->used, 0, sizeof drawing->used);
    memset(drawing->written, 0, sizeof drawing->written);
    drawing->links = chance(drawing, 500);
    drawing->chains = 0;
    drawing->briefly = false;
    drawing->chain = drawing->reach == DF_BOLD && chance(drawing, NOW_AND_THEN * 2);
    round->first = program->entries;
    if (program->rounds > 0 && program->registers != 0 && chance(drawing, 2 * NOW_AND_THEN)) {
        round->registration = (uint8_t)(1 + choose(drawing, DF_REGISTRATIONS - 1));
        round->slot = (uint8_t)choose(drawing, 2 * DF_OBJECTS);
    }
    while (round->pokes < (drawing->reach == DF_PLAIN ? 1 : DF_POKES) &&
           !(drawing->links && drawing->reach == DF_PLAIN) &&
           chance(drawing, program->rounds == 0 ? 60 : 400)) {
        struct df_poke poke;
        draw_poke(drawing, &poke);
        if (program->object[poke.object] == DF_TCP) /* when the far end knows is the network's business */
            continue;
        if (can_be_poked(program->object[poke.object]))
            round->poke[round->pokes++] = poke;
        drawing->closed[poke.object] |= poke.kind == DF_POKE_CLOSE;
    }
    while (round->count < DF_ROUND_ENTRIES && program->entries < DF_ENTRIES &&
           (round->count == 0 || chance(drawing, drawing->chain ? 720 : MOSTLY)))
        draw_entry(drawing);
    if (chance(drawing, program->wild ? NOW_AND_THEN : SELDOM))
        round->left_out =
            (uint8_t)(1 + choose(drawing, program->wild || round->count < 4 ? round->count : 4));
    if (!program->wild || !chance(drawing, OFTEN))
        program->entry[program->entries - 1].flags &= (uint8_t) ~(IOSQE_IO_LINK | IOSQE_IO_HARDLINK);
    if (has_workers(drawing) || (drawing->reach == DF_PLAIN && program->brief))
        round->left_out = 0;
    part_chain(drawing, round);
    drawing->leftover = round->left_out > 0;
    round->get_events = chance(drawing, OFTEN);
    round->leaves_cqes = chance(drawing, NOW_AND_THEN) && !drawing->briefly;
    round->settles = has_workers(drawing) || drawing->briefly ||
                     (!chance(drawing, drawing->floats ? SELDOM : OFTEN) && !round->leaves_cqes);
    drawing->unsettled = !round->settles;
    program->rounds++;
}

static void draw_ring(struct drawing *drawing)
{
    static const uint32_t forms[] = {
        0,
        IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SINGLE_ISSUER,
        IORING_SETUP_COOP_TASKRUN,
        IORING_SETUP_SUBMIT_ALL,
        IORING_SETUP_SINGLE_ISSUER,
        IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL,
        IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_SUBMIT_ALL,
    };
    static const uint8_t cqs[] = {0, DF_SQ_ENTRIES};
    drawing->program->setup_flags = forms[choose(drawing, sizeof forms / sizeof forms[0])];
    static const uint8_t tables[] = {0,
                                     DF_HAS_FILES,
                                     DF_HAS_BUFFERS,
                                     DF_HAS_FILES | DF_HAS_BUFFERS,
                                     DF_HAS_GROUP,
                                     DF_HAS_RING,
                                     DF_HAS_FILES | DF_HAS_RING};
    drawing->program->registers = tables[sri_tape_weighed(drawing->tape, sizeof tables, 500)];
    drawing->program->cq_entries = cqs[sri_tape_weighed(drawing->tape, 2, OFTEN)];
}

static void draw_objects(struct drawing *drawing)
{
    static const uint8_t usual[16] = {DF_PIPE,     DF_PAIR, DF_FILE, DF_PIPE,   DF_PAIR,     DF_PIPE,
                                      DF_LISTENER, DF_PAIR, DF_PIPE, DF_FILE,   DF_LISTENER, DF_PAIR,
                                      DF_PIPE,     DF_FULL, DF_TCP,  DF_NOTHING};
    for (unsigned i = 0; i < DF_OBJECTS; i++)
        drawing->program->object[i] = usual[choose(drawing, 16)];
}

/* A drain, and all that comes behind one, is carried out by workers. */
static void mark_drained(struct df_program *program)
{
    bool drained = false;
    for (unsigned i = 0; i < program->entries; i++) {
        drained = drained || (program->entry[i].flags & IOSQE_IO_DRAIN);
        if (drained)
            let_float(&program->entry[i]);
    }
}

/* A plain program's only drain is its last entry: what waits behind one is all done by workers. */
static void drain_last(struct drawing *drawing)
{
    struct df_program *program = drawing->program;
    struct df_round *round = &program->round[program->rounds - 1];
    struct df_entry *entry = &program->entry[program->entries - 1];
    bool linked = round->count > 1 && is_linked(entry - 1);
    if (linked || round->left_out > 0 || program->brief || drawing->unsettled || !is_prompt(drawing, entry) ||
        is_shared(drawing, entry->object) || entry->user_data != program->entries || !chance(drawing, OFTEN))
        return;
    entry->flags |= IOSQE_IO_DRAIN;
    let_float(entry);
}

void df_program_draw(struct df_program *program, struct sri_tape *tape, enum df_reach reach)
{
    struct drawing drawing = {.tape = tape, .program = program, .reach = reach};
    memset(program, 0, sizeof *program);
    program->wild = reach == DF_BOLD && chance(&drawing, 130);
    draw_ring(&drawing);
    draw_objects(&drawing);
    do
        draw_round(&drawing);
    while (!(reach == DF_PLAIN && drawing.refused) && program->rounds < DF_ROUNDS &&
           program->entries < DF_ENTRIES && chance(&drawing, 640));
    if (reach == DF_BOLD && !program->wild && chance(&drawing, NOW_AND_THEN / 2))
        program->entry[program->entries - 1].flags |= IOSQE_IO_DRAIN;
    if (reach == DF_PLAIN)
        drain_last(&drawing);
    else
        mark_drained(program);
}

const char *df_kind_name(uint8_t kind)
{
    static const char *const names[DF_KINDS] = {
        [DF_NOP] = "NOP",
        [DF_READ] = "READ",
        [DF_WRITE] = "WRITE",
        [DF_READV] = "READV",
        [DF_WRITEV] = "WRITEV",
        [DF_RECV] = "RECV",
        [DF_SEND] = "SEND",
        [DF_RECVMSG] = "RECVMSG",
        [DF_SENDMSG] = "SENDMSG",
        [DF_READ_FIXED] = "READ_FIXED",
        [DF_WRITE_FIXED] = "WRITE_FIXED",
        [DF_POLL] = "POLL_ADD",
        [DF_TIMEOUT] = "TIMEOUT",
        [DF_CANCEL] = "ASYNC_CANCEL",
        [DF_ACCEPT] = "ACCEPT",
        [DF_CONNECT] = "CONNECT",
        [DF_POLL_REMOVE] = "POLL_REMOVE",
        [DF_POLL_UPDATE] = "POLL_REMOVE (update)",
        [DF_TIMEOUT_REMOVE] = "TIMEOUT_REMOVE",
        [DF_TIMEOUT_UPDATE] = "TIMEOUT_REMOVE (update)",
        [DF_LINK_TIMEOUT] = "LINK_TIMEOUT",
        [DF_FSYNC] = "FSYNC",
        [DF_OPENAT] = "OPENAT",
        [DF_CLOSE] = "CLOSE",
        [DF_BAD] = "refused",
    };
    return kind < DF_KINDS ? names[kind] : "?";
}

const char *df_registration_name(uint8_t registration)
{
    static const char *const names[DF_REGISTRATIONS] = {
        [DF_EMPTY_SLOT] = "FILES_UPDATE (nothing)", [DF_FILL_SLOT] = "FILES_UPDATE",
        [DF_FILES_AGAIN] = "REGISTER_FILES",        [DF_NO_FILES] = "UNREGISTER_FILES",
        [DF_BUFFERS_AGAIN] = "REGISTER_BUFFERS",    [DF_NO_BUFFERS] = "UNREGISTER_BUFFERS",
    };
    return registration < DF_REGISTRATIONS && names[registration] != NULL ? names[registration] : "none";
}
