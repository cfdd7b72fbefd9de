/*
 * Random programs over names and files, run on the true kernel and on the simulated one: every result, and what the tree looks
 * like afterwards, must be equal. Names are few, so that operations meet.
 */
#include <errno.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/xattr.h>

#include "support/conform_files.h"
#include "support/main.h"

#define PROGRAMS 300
#define STEPS 40
#define OPEN_MOST 3

/* One run of one program. */
struct machine {
    struct conform c;
    int folder;
    int open[OPEN_MOST];
    uint64_t state;
};

static unsigned below(struct machine *m, unsigned n)
{
    m->state = m->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)((m->state >> 33) % n);
}

static const char *any_name(struct machine *m)
{
    static const char *const names[] = {"a",    "b",    "c",   "a/b",    "b/a",  "a/b/c",  "a/",
                                        "b/c/", "./a",  "a/.", "b/.",    "a/..", "b/../a", "c/d",
                                        "file", "s",    "s/a", "file/a", "s/",   "t",      "t/b",
                                        "a//b", "none", "a/s", "a/../s"};
    return names[below(m, sizeof names / sizeof names[0])];
}

static const char *any_target(struct machine *m)
{
    static const char *const targets[] = {"a", "b", "file", "s", "t", "a/b", "nowhere", "b/../a", "a/"};
    return targets[below(m, sizeof targets / sizeof targets[0])];
}

static int any_open(struct machine *m)
{
    return m->open[below(m, OPEN_MOST)];
}

static int open_one(struct machine *m)
{
    static const int flags[] = {O_RDWR,
                                O_RDONLY,
                                O_RDWR | O_CREAT,
                                O_RDWR | O_CREAT | O_EXCL,
                                O_WRONLY | O_TRUNC,
                                O_RDWR | O_CREAT | O_TRUNC,
                                O_RDONLY | O_DIRECTORY,
                                O_RDWR | O_NOFOLLOW,
                                O_PATH | O_NOFOLLOW,
                                O_RDWR | O_APPEND | O_CREAT,
                                O_RDONLY | O_CREAT | O_NOFOLLOW,
                                O_TMPFILE | O_RDWR};
    static const uint64_t resolve[] = {0, 0, 0, RESOLVE_NO_SYMLINKS, RESOLVE_BENEATH, RESOLVE_IN_ROOT};
    const char *name = any_name(m);
    int how = flags[below(m, sizeof flags / sizeof flags[0])];
    bool creates = (how & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY))) != 0;
    uint64_t fence = resolve[below(m, sizeof resolve / sizeof resolve[0])];
    conform_say(&m->c, "open %s %o resolve %u", name, how, (unsigned)fence);
    int fd = files_open_how(&m->c, m->folder, name, (uint64_t)how, creates ? 0644 : 0, fence);
    if (fd < 0)
        return fd;
    unsigned place = below(m, OPEN_MOST);
    if (m->open[place] >= 0)
        conform_close(&m->c, m->open[place]);
    m->open[place] = fd;
    return 0;
}

static int make_one(struct machine *m)
{
    const char *name = any_name(m);
    conform_say(&m->c, "mkdir %s", name);
    return files_mkdir(&m->c, m->folder, name);
}

static int symlink_one(struct machine *m)
{
    const char *target = any_target(m);
    const char *name = any_name(m);
    conform_say(&m->c, "symlink %s %s", target, name);
    return files_symlink(&m->c, target, m->folder, name);
}

static int rename_one(struct machine *m)
{
    static const unsigned flags[] = {0, 0, 0, RENAME_NOREPLACE, RENAME_EXCHANGE};
    const char *from = any_name(m);
    const char *to = any_name(m);
    unsigned flag = flags[below(m, 5)];
    conform_say(&m->c, "rename %s %s %u", from, to, flag);
    return files_rename(&m->c, m->folder, from, to, flag);
}

static int link_one(struct machine *m)
{
    const char *from = any_name(m);
    const char *to = any_name(m);
    int flag = below(m, 2) != 0 ? AT_SYMLINK_FOLLOW : 0;
    bool by_path = below(m, 4) != 0;
    conform_say(&m->c, "link %s %s %d", by_path ? from : "(open)", to, flag);
    if (by_path)
        return files_link(&m->c, m->folder, from, to, flag);
    io_uring_prep_linkat(conform_sqe(&m->c, 1), any_open(m), "", m->folder, to, AT_EMPTY_PATH);
    return files_run(&m->c);
}

static int remove_one(struct machine *m)
{
    const char *name = any_name(m);
    int flag = below(m, 3) == 0 ? AT_REMOVEDIR : 0;
    conform_say(&m->c, "%s %s", flag != 0 ? "rmdir" : "unlink", name);
    return files_unlink(&m->c, m->folder, name, flag);
}

static int write_one(struct machine *m)
{
    static const char bytes[6000] = "the bytes of a write";
    static const int flags[] = {0, 0, RWF_APPEND, RWF_DSYNC};
    uint64_t offset = below(m, 3) == 0 ? UINT64_MAX : below(m, 5) * UINT64_C(3000);
    int flag = flags[below(m, 4)];
    unsigned size = 1 + below(m, sizeof bytes);
    conform_say(&m->c, "write %u at %lld flags %d", size, (long long)offset, flag);
    return files_write(&m->c, any_open(m), bytes, size, offset, flag);
}

static int read_one(struct machine *m)
{
    static char bytes[9000];
    uint64_t offset = below(m, 3) == 0 ? UINT64_MAX : below(m, 5) * UINT64_C(2900);
    unsigned size = 1 + below(m, sizeof bytes);
    conform_say(&m->c, "read %u at %lld", size, (long long)offset);
    int got = files_read(&m->c, any_open(m), bytes, size, offset, 0);
    unsigned sum = 0;
    for (int i = 0; i < got; i++)
        sum = sum * 31 + (unsigned char)bytes[i];
    return got > 0 ? (int)(sum & 0xffffff) : got;
}

static int allocate_one(struct machine *m)
{
    static const int modes[] = {0, FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                FALLOC_FL_ZERO_RANGE, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE};
    int mode = modes[below(m, 5)];
    uint64_t offset = below(m, 9000);
    uint64_t length = 1 + below(m, 9000);
    conform_say(&m->c, "allocate mode %d, %u of %u", mode, (unsigned)offset, (unsigned)length);
    return files_fallocate(&m->c, any_open(m), mode, offset, length);
}

static int set_one(struct machine *m)
{
    static const char *const names[] = {"user.a", "user.b", "trusted.c", "other"};
    static const int flags[] = {0, 0, XATTR_CREATE, XATTR_REPLACE};
    const char *name = names[below(m, 4)];
    unsigned size = below(m, 8);
    int flag = flags[below(m, 4)];
    conform_say(&m->c, "set %s of %u flags %d", name, size, flag);
    return files_set(&m->c, any_open(m), name, "0123456", size, flag);
}

static int get_one(struct machine *m)
{
    static const char *const names[] = {"user.a", "user.b", "trusted.c", "other"};
    char value[8];
    const char *name = names[below(m, 4)];
    unsigned size = below(m, 9);
    conform_say(&m->c, "get %s of %u", name, size);
    return files_get(&m->c, any_open(m), name, value, size);
}

static int step(struct machine *m)
{
    unsigned which = below(m, 16);
    switch (which) {
    case 0:
    case 1: return make_one(m);
    case 2: return symlink_one(m);
    case 3:
    case 4: return rename_one(m);
    case 5: return link_one(m);
    case 6:
    case 7: return remove_one(m);
    case 8: return write_one(m);
    case 9: return read_one(m);
    case 10: return allocate_one(m);
    case 11: return set_one(m);
    case 12: return get_one(m);
    default: return open_one(m);
    }
}

/* Of the names that may be there, and of what is open. */
static void say_all(struct machine *m)
{
    static const char *const names[] = {"a", "b", "c", "a/b", "b/a", "a/b/c", "c/d", "s", "t", "file", "t/b"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        files_say_status(&m->c, names[i], m->folder, names[i]);
    for (int i = 0; i < OPEN_MOST; i++)
        if (m->open[i] >= 0)
            files_say_status(&m->c, "open", m->open[i], "");
}

static void run_program(struct machine *m, const struct conform_column *column, uint64_t seed)
{
    struct sr_backend backend;
    memset(m, 0, sizeof *m);
    m->state = seed;
    if (column->open(&backend, &m->c.objects, &m->c.self) != 0)
        skip();
    assert_int_equal(raw_ring_open(&m->c.ring, backend, 8, 0), 0);
    m->folder = files_folder(&m->c, NULL);
    for (int i = 0; i < OPEN_MOST; i++)
        m->open[i] = -1;
    for (int i = 0; i < STEPS; i++) {
        int result = step(m);
        conform_value(&m->c, "", result);
    }
    say_all(m);
    for (int i = 0; i < OPEN_MOST; i++)
        if (m->open[i] >= 0)
            conform_close(&m->c, m->open[i]);
    conform_close(&m->c, m->folder);
    raw_ring_close(&m->c.ring);
    column->close(&backend, m->c.self);
}

/* The program up to its first difference. */
static void say_difference(uint64_t seed, const struct conform *truth, const struct conform *other)
{
    size_t same = 0;
    while (truth->transcript[same] == other->transcript[same])
        same++;
    while (same > 0 && truth->transcript[same - 1] != '\n')
        same--;
    const char *one = truth->transcript + same;
    const char *two = other->transcript + same;
    fprintf(stderr, "---- program %llu ----\n%.*strue kernel: %.*s\nthe other: %.*s\n",
            (unsigned long long)seed, (int)same, truth->transcript, (int)strcspn(one, "\n"), one,
            (int)strcspn(two, "\n"), two);
}

static void compare_with(const struct conform_column *column)
{
    static struct machine truth;
    static struct machine other;
    unsigned different = 0;
    unsigned good = 0;
    for (uint64_t seed = 1; seed <= PROGRAMS; seed++) {
        run_program(&truth, &conform_uring, seed);
        run_program(&other, column, seed);
        for (const char *at = truth.c.transcript; (at = strstr(at, ": 0\n")) != NULL; at++)
            good++;
        if (strcmp(truth.c.transcript, other.c.transcript) == 0)
            continue;
        say_difference(seed, &truth.c, &other.c);
        different++;
    }
    assert_int_equal(different, 0);
    assert_true(good > PROGRAMS * STEPS / 10); /* most fail, but not all */
}

static void file_programs_on_the_simulated_kernel(void **state)
{
    (void)state;
    compare_with(&conform_sim);
}

static void file_programs_on_the_engine(void **state)
{
    (void)state;
    compare_with(&conform_engine);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(file_programs_on_the_simulated_kernel),
    cmocka_unit_test(file_programs_on_the_engine),
};

SR_TEST_MAIN(tests)
