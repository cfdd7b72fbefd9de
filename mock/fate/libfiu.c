/*
 * The joint with libfiu. Asks it and translates its answers; what the tape draws is decided elsewhere.
 */
#include "fate/libfiu.h"

#include <fiu-control.h>
#include <fiu.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_SIZE 64

/* The question under way: libfiu's callback gets a name and nothing else. */
static struct {
    enum sri_point point;
    bool drawn; /* the tape says that this point strikes */
    bool called;
} asked;

static uint64_t called[SRI_POINTS];
static bool ready;

/* -1: nobody asked yet. */
static int listens = -1;

static int by_the_tape(const char *name, int *failnum, void **failinfo, unsigned int *flags)
{
    (void)name;
    (void)failnum;
    (void)failinfo;
    (void)flags;
    asked.called = true;
    called[asked.point]++;
    return asked.drawn;
}

/* fiu-run has switched points before this process began: the exact names among them are not to be replaced. */
static bool switched_by_fiu_run(const char *name)
{
    const char *commands = getenv("FIU_ENABLE");
    size_t length = strlen(name);
    while (commands != NULL && (commands = strstr(commands, name)) != NULL) {
        char next = commands[length];
        if (next == 0 || strchr(", \t\n", next) != NULL)
            return true;
        commands += length;
    }
    return false;
}

static void make_ready(void)
{
    if (ready)
        return;
    ready = true;
    fiu_init(0);
    for (uint32_t i = 0; i < SRI_POINTS; i++) {
        const char *name = sri_point_infos[i].name;
        if (!switched_by_fiu_run(name))
            fiu_enable_external(name, 1, NULL, 0, by_the_tape);
    }
}

bool sri_libfiu_listens(void)
{
    if (listens < 0)
        sri_libfiu_listen(getenv("FIU_ENABLE") != NULL || getenv("FIU_CTRL_FIFO") != NULL);
    return listens > 0;
}

void sri_libfiu_listen(bool on)
{
    listens = on ? 1 : 0;
    if (on)
        make_ready();
}

/*
 * What an answer of libfiu's means: of a point with one answer, that one; else failnum is the answer, or the largest there
 * is; and of an operation that fails, failinfo may name the errno.
 */
static uint32_t translate(const struct sri_question *question, enum sri_point point, int failnum)
{
    const struct sri_point_info *info = &sri_point_infos[point];
    if (info->answer != SRI_ANY_ANSWER)
        return info->answer;
    intptr_t wanted = (intptr_t)fiu_failinfo();
    for (uint32_t i = 1; question->errnos != NULL && i < question->n; i++)
        if (question->errnos[i - 1] == wanted)
            return i;
    if (failnum < 1)
        return 1;
    return (uint32_t)failnum < question->n ? (uint32_t)failnum : question->n - 1;
}

/* 0, or libfiu's failnum; *tape: the callback says so, and nobody else. */
static int ask(enum sri_point point, bool drawn, bool *tape)
{
    char beside[NAME_SIZE];
    asked.point = point;
    asked.drawn = drawn;
    asked.called = false;
    int failnum = fiu_fail(sri_point_infos[point].name);
    *tape = failnum != 0 && asked.called;
    if (!asked.called || failnum != 0)
        return failnum;
    /* An exact name hides every wildcard; under this one only those are found. */
    snprintf(beside, sizeof beside, "%s/", sri_point_infos[point].name);
    return fiu_fail(beside);
}

static uint32_t answer(void *self, const struct sri_question *question, uint32_t freedom, uint32_t drawn)
{
    (void)self;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < SRI_POINTS; i++) {
        const struct sri_point_info *info = &sri_point_infos[i];
        if (info->freedom != freedom || (info->answer != SRI_ANY_ANSWER && info->answer >= question->n))
            continue;
        bool strikes = drawn != 0 && (info->answer == SRI_ANY_ANSWER || info->answer == drawn);
        bool tape;
        int failnum = ask((enum sri_point)i, strikes, &tape);
        if (tape)
            kept = drawn;
        else if (failnum != 0)
            return translate(question, (enum sri_point)i, failnum);
    }
    return kept;
}

const struct sri_driver *sri_libfiu_driver(void)
{
    static const struct sri_driver driver = {.answer = answer};
    return &driver;
}

uint64_t sri_libfiu_called(enum sri_point point)
{
    return called[point];
}
