/*
 * A log-structured store: records are appended to a file, and acknowledged once they can't be lost any more. What that takes
 * is easy to get wrong and hard to test, since power must fail at the worst moment. On the simulated kernel it does.
 *
 * `log_store DIRECTORY [RECORD…]` appends to DIRECTORY/log on this machine and lists what is there; without arguments the
 * store is tested: as it is, and with each of the mistakes below.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SR_NO_OWNERSHIP_ANALYSIS /* a handle that goes round in a loop is beyond it (docs/ownership.md) */
#include <safer_ring.h>
#include <safer_ring/sim.h>

/* ---- The store ---- */

enum mistake {
    CAREFUL,
    NO_SYNC,           /* acknowledges what is only in the page cache */
    SYNC_TOO_EARLY,    /* starts the sync with the write, not after it: they run in any order */
    NO_DIRECTORY_SYNC, /* syncs the file, but not its name */
    NO_CHECKSUM,       /* believes every record that looks like one */
    SYNC_AGAIN,        /* tries a sync that failed again: the second one works, and has nothing to write */
    MISTAKES
};

#define MAGIC 0x5ec04d00u
#define RECORD_MOST 4096u

struct header {
    uint32_t magic;
    uint32_t length; /* of the text that follows */
    uint64_t number; /* of the record, from 0 */
    uint64_t sum;    /* of the above and the text */
};

struct store {
    struct sr_ring *ring;
    enum mistake mistake;
    int directory;
    int file;
    uint64_t end;   /* where the next record goes */
    uint64_t count; /* of records */
    bool failed;    /* after an error nobody knows what is on the disk: no more until it is opened again */
};

/* Called with each record found when the store is opened. */
typedef void found_fn(void *self, uint64_t number, const char *text, size_t length);

static uint64_t sum_of(const struct header *header, const char *text)
{
    uint64_t sum = UINT64_C(0xcbf29ce484222325) ^ header->length ^ header->number << 32;
    for (size_t i = 0; i < header->length; i++)
        sum = (sum ^ (uint8_t)text[i]) * UINT64_C(0x100000001b3);
    return sum;
}

static void release(struct sr_buffer **buffer)
{
    if (sr_buffer_release(buffer) != 0)
        abort();
}

static bool is_passing(int rc)
{
    return rc == -EINTR || rc == -EAGAIN || rc == -EBUSY;
}

/* Waits for an operation; what keeps the kernel from being asked passes. */
static int32_t result_of(struct sr_ring *ring, struct sr_op *op, struct sr_buffer **back)
{
    struct sr_completion done;
    int rc;
    do
        rc = sr_op_await(ring, op, &done);
    while (is_passing(rc));
    if (rc == 0)
        return sr_take(&done, back);
    sr_op_drop(ring, op);
    *back = NULL;
    return rc;
}

/* An operation without a buffer, again and again while it is only interrupted. */
static int32_t run(struct sr_ring *ring, const struct sr_op_spec *spec)
{
    int32_t result;
    do {
        struct sr_op op;
        struct sr_buffer *none;
        result = sr_op_start_plain(ring, spec, &op);
        if (result == 0)
            result = result_of(ring, &op, &none);
    } while (is_passing(result));
    return result;
}

static int32_t sync_descriptor(struct sr_ring *ring, int fd, uint32_t flags)
{
    struct sr_op_spec spec = sr_spec_fsync(sr_fd(fd), flags);
    return run(ring, &spec);
}

static int32_t sync_log(const struct store *store)
{
    int32_t rc = sync_descriptor(store->ring, store->file, IORING_FSYNC_DATASYNC);
    for (int again = 0; again < 3 && rc != 0 && store->mistake == SYNC_AGAIN; again++)
        rc = sync_descriptor(store->ring, store->file, IORING_FSYNC_DATASYNC);
    return rc;
}

static int32_t open_path(struct sr_ring *ring, int directory, const char *path, uint32_t flags)
{
    struct sr_op_spec spec = sr_spec_openat(sr_fd(directory), path, flags, 0644);
    return run(ring, &spec);
}

/* One transfer of a part of the buffer, which comes back. The count, or an error and maybe no buffer. */
static int32_t transfer(struct sr_ring *ring, const struct sr_op_spec *spec, struct sr_buffer **buffer)
{
    int32_t result;
    do {
        struct sr_op op;
        result = sr_op_start(ring, spec, buffer, &op);
        if (result == 0)
            result = result_of(ring, &op, buffer);
    } while (is_passing(result) && *buffer != NULL);
    return result;
}

/* Writes the whole buffer, however short the single writes are. */
static int write_whole(struct store *store, struct sr_buffer **buffer)
{
    size_t size = sr_buffer_size(*buffer);
    size_t done = 0;
    while (done < size) {
        struct sr_op_spec spec =
            sr_spec_write(sr_fd(store->file), store->end + done, sr_range(done, size - done));
        int32_t moved = transfer(store->ring, &spec, buffer);
        if (moved <= 0)
            return moved < 0 ? moved : -EIO;
        done += (size_t)moved;
    }
    return 0;
}

static int write_and_sync(struct store *store, struct sr_buffer **buffer)
{
    struct sr_op_spec early = sr_spec_fsync(sr_fd(store->file), IORING_FSYNC_DATASYNC);
    struct sr_op sync = {0};
    struct sr_buffer *none;
    bool started = store->mistake == SYNC_TOO_EARLY && sr_op_start_plain(store->ring, &early, &sync) == 0;
    int rc = write_whole(store, buffer);
    if (started) {
        int synced = result_of(store->ring, &sync, &none);
        return rc != 0 ? rc : synced;
    }
    if (rc != 0 || store->mistake == NO_SYNC)
        return rc;
    return sync_log(store);
}

/* 0: the record is there for good. Anything else: it may be there or not, and the store takes no more. */
static int store_append(struct store *store, const char *text, size_t length)
{
    struct sr_buffer *buffer;
    struct header header = {.magic = MAGIC, .length = (uint32_t)length, .number = store->count};
    if (store->failed || length > RECORD_MOST)
        return -EINVAL;
    header.sum = sum_of(&header, text);
    int rc = sr_buffer_new(&buffer, sizeof header + length);
    if (rc != 0)
        return rc;
    SR_BUFFER_SCOPE(guard, &buffer)
    {
        memcpy(sr_guard_bytes(&guard), &header, sizeof header);
        memcpy(sr_guard_bytes(&guard) + sizeof header, text, length);
    }
    rc = write_and_sync(store, &buffer);
    if (buffer != NULL)
        release(&buffer);
    store->failed = rc != 0;
    if (rc == 0) {
        store->end += sizeof header + length;
        store->count++;
    }
    return rc;
}

static bool is_record(const struct store *store, const struct header *header, const char *text, size_t size)
{
    if (header->magic != MAGIC || header->length > RECORD_MOST || header->length > size)
        return false;
    if (store->mistake == NO_CHECKSUM)
        return true;
    return header->number == store->count && header->sum == sum_of(header, text);
}

/* The log's good beginning; what comes behind was never acknowledged, and will be written over. */
static void walk(struct store *store, const char *bytes, size_t size, found_fn *found, void *self)
{
    struct header header;
    while (size - store->end >= sizeof header) {
        const char *at = bytes + store->end;
        memcpy(&header, at, sizeof header);
        if (!is_record(store, &header, at + sizeof header, size - (size_t)store->end - sizeof header))
            return;
        found(self, store->count, at + sizeof header, header.length);
        store->end += sizeof header + header.length;
        store->count++;
    }
}

/* The whole log, to be freed. */
static int read_log(struct store *store, char **bytes, size_t *size)
{
    struct sr_buffer *buffer;
    int32_t moved = sr_buffer_new(&buffer, 65536);
    *bytes = NULL;
    *size = 0;
    while (moved == 0 || *size > 0) {
        struct sr_op_spec spec = sr_spec_read(sr_fd(store->file), *size, sr_range(0, 65536));
        moved = transfer(store->ring, &spec, &buffer);
        if (moved <= 0)
            break;
        char *more = realloc(*bytes, *size + (size_t)moved);
        if (more == NULL) {
            moved = -ENOMEM;
            break;
        }
        *bytes = more;
        SR_BUFFER_SCOPE(guard, &buffer)
        memcpy(*bytes + *size, sr_guard_bytes(&guard), (size_t)moved);
        *size += (size_t)moved;
    }
    if (buffer != NULL)
        release(&buffer);
    return moved;
}

static int recover(struct store *store, found_fn *found, void *self)
{
    char *bytes;
    size_t size;
    int rc = read_log(store, &bytes, &size);
    if (rc == 0)
        walk(store, bytes, size, found, self);
    free(bytes);
    if (rc != 0 || store->mistake == NO_SYNC)
        return rc;
    /* A record that was found counts from now on, also when the process that wrote it died before its sync. */
    return sync_descriptor(store->ring, store->file, IORING_FSYNC_DATASYNC);
}

static void store_close(struct store *store)
{
    struct sr_op_spec file = sr_spec_close(sr_fd(store->file));
    struct sr_op_spec directory = sr_spec_close(sr_fd(store->directory));
    if (store->file >= 0)
        run(store->ring, &file);
    if (store->directory >= 0)
        run(store->ring, &directory);
}

static int store_open(struct store *store, struct sr_ring *ring, const char *path, enum mistake mistake,
                      found_fn *found, void *self)
{
    *store = (struct store){.ring = ring, .mistake = mistake, .directory = -1, .file = -1};
    int rc = store->directory = open_path(ring, AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
    if (rc >= 0)
        rc = store->file = open_path(ring, store->directory, "log", O_RDWR | O_CREAT);
    /* The name may be new, or be left from a process that died before it came here. */
    if (rc >= 0 && mistake != NO_DIRECTORY_SYNC)
        rc = sync_descriptor(ring, store->directory, 0);
    if (rc >= 0)
        rc = recover(store, found, self);
    if (rc < 0)
        store_close(store);
    return rc < 0 ? rc : 0;
}

/* ---- The test: a record that was acknowledged is there after any loss of power, and nothing else is ---- */

#define RECORDS 12u

struct witness {
    uint64_t acknowledged;
    uint64_t found;
    bool wrong; /* a record was found that nobody wrote */
};

/* Lengths from a few bytes to more than two sectors. */
static size_t make_text(uint64_t number, char text[RECORD_MOST])
{
    size_t length = 5 + (size_t)(number * 397 % 1400);
    for (size_t i = 0; i < length; i++)
        text[i] = (char)('a' + (number + i) % 26);
    return length;
}

static void check_found(void *self, uint64_t number, const char *text, size_t length)
{
    struct witness *witness = self;
    char expected[RECORD_MOST];
    size_t expected_length = make_text(number, expected);
    if (number >= RECORDS || length != expected_length || memcmp(text, expected, length) != 0)
        witness->wrong = true;
    witness->found++;
}

/* Appends until it is done or something fails. */
static void work(struct sr_sim *sim, enum mistake mistake, struct witness *witness)
{
    struct sr_ring *ring;
    struct store store;
    char text[RECORD_MOST];
    if (sr_sim_directory(sim, "/store") != 0 || sr_sim_ring_open(sim, &ring, 4) != 0)
        abort();
    if (store_open(&store, ring, "/store", mistake, check_found, witness) == 0) {
        for (uint64_t i = 0; i < RECORDS; i++) {
            size_t length = make_text(i, text);
            if (store_append(&store, text, length) != 0)
                break;
            witness->acknowledged = i + 1;
        }
        sr_sim_power_loss(sim);
        store_close(&store);
    }
    sr_sim_power_loss(sim);
    sr_sim_calm(sim);
    if (sr_ring_drain(ring, SR_FOREVER, NULL) != 0 || sr_ring_close(&ring) != 0)
        abort();
}

/* After the reboot. False: an acknowledged record is lost, or another one is there. */
static bool is_right(struct sr_sim *sim, enum mistake mistake, struct witness *witness)
{
    struct sr_ring *ring;
    struct store store;
    if (sr_sim_reboot(sim) != 0 || sr_sim_ring_open(sim, &ring, 4) != 0)
        abort();
    int rc = store_open(&store, ring, "/store", mistake, check_found, witness);
    if (rc == 0)
        store_close(&store);
    if (sr_ring_close(&ring) != 0)
        abort();
    return rc == 0 && !witness->wrong && witness->found >= witness->acknowledged;
}

struct score {
    unsigned runs;
    unsigned wrong;
    unsigned first; /* the first wrong run, from 1 */
    uint64_t acknowledged;
};

static void try(struct sr_sim *sim, enum mistake mistake, struct score *score)
{
    struct witness witness = {0};
    work(sim, mistake, &witness);
    score->runs++;
    score->acknowledged += witness.acknowledged;
    if (is_right(sim, mistake, &witness))
        return;
    if (score->wrong++ == 0)
        score->first = score->runs;
}

static struct score after_every_operation(enum mistake mistake)
{
    struct score score = {0};
    SR_SIM_FOR_EACH_POWER_LOSS (sim)
        try(sim, mistake, &score);
    return score;
}

/* All bad luck at once: short writes, errors, operations in any order; and power lost somewhere. */
static struct score by_seeds(enum mistake mistake)
{
    struct score score = {0};
    SR_SIM_FOR_EACH_SEED (sim, 1000) {
        sr_sim_power_loss_after(sim, sr_sim_seed(sim) % 40);
        try(sim, mistake, &score);
    }
    return score;
}

static void say(const char *name, const char *how, const struct score *score)
{
    printf("%-20s %-22s %5u runs, %5llu records acknowledged: ", name, how, score->runs,
           (unsigned long long)score->acknowledged);
    if (score->wrong == 0)
        printf("none lost\n");
    else
        printf("wrong in %u, first in run %u\n", score->wrong, score->first);
}

/* 0 when the careful store is never wrong, and each mistake is found. */
static int test(void)
{
    static const char *const names[MISTAKES] = {"careful",           "no sync",     "sync too early",
                                                "no directory sync", "no checksum", "sync again"};
    int unexpected = 0;
    for (enum mistake mistake = CAREFUL; mistake < MISTAKES; mistake++) {
        struct score each = after_every_operation(mistake);
        struct score seeds = by_seeds(mistake);
        say(names[mistake], "after every operation", &each);
        say(names[mistake], "by seeds", &seeds);
        /* Which of the two finds it depends: a sync fails by bad luck alone, and a torn record is rare. */
        bool is_found = seeds.wrong + each.wrong > 0;
        bool is_clean = seeds.wrong + each.wrong == 0 && seeds.acknowledged > 1000;
        unexpected += mistake == CAREFUL ? !is_clean : !is_found;
    }
    return unexpected;
}

/* ---- On this machine ---- */

static void list(void *self, uint64_t number, const char *text, size_t length)
{
    (void)self;
    printf("%llu: %.*s\n", (unsigned long long)number, (int)length, text);
}

static int use(const char *directory, char **records)
{
    struct sr_ring *ring;
    struct store store;
    int rc = sr_ring_open(&ring, 4);
    if (rc != 0) {
        fprintf(stderr, "no ring: %s\n", sr_strerror(rc));
        return 1;
    }
    rc = store_open(&store, ring, directory, CAREFUL, list, NULL);
    for (; rc == 0 && *records != NULL; records++) {
        rc = store_append(&store, *records, strlen(*records));
        if (rc == 0)
            printf("%llu: %s (new)\n", (unsigned long long)store.count - 1, *records);
    }
    if (rc != 0)
        fprintf(stderr, "%s: %s\n", directory, sr_strerror(rc));
    else
        store_close(&store);
    int closed = sr_ring_close(&ring);
    return rc != 0 || closed != 0;
}

int main(int argc, char **argv)
{
    return argc > 1 ? use(argv[1], argv + 2) : test();
}
