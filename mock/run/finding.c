/*
 * Findings: worded for people, told once per name and place, appended to the folder's file of findings.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "run/agent.h"
#include "run/detect.h"
#include "run/steps.h"

#define TEXT 4096
#define TOLD 64
#define SAME_FRAMES 3
#define SUPPRESSIONS 4096

struct text {
    char bytes[TEXT];
    size_t length;
};

__attribute__((format(printf, 2, 3))) static void add(struct text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text->bytes + text->length, sizeof text->bytes - text->length, format, arguments);
    va_end(arguments);
    if (length > 0)
        text->length += (size_t)length;
    if (text->length >= sizeof text->bytes)
        text->length = sizeof text->bytes - 1;
}

/* "program+0x1234 (function)": the command asks addr2line for the lines. */
static void add_place(struct text *text, const struct sri_place_of_call *place)
{
    if (place == NULL) {
        add(text, "    at an unknown place\n");
        return;
    }
    for (uint32_t i = 0; i < place->count; i++) {
        Dl_info info;
        const void *before = (const char *)place->frames[i] - 1; /* the call, not what follows it */
        if (dladdr(before, &info) == 0 || info.dli_fname == NULL) {
            add(text, "    #%u %p\n", i, place->frames[i]);
            continue;
        }
        add(text, "    #%u %s+0x%zx%s%s%s\n", i, info.dli_fname,
            (size_t)((const char *)before - (const char *)info.dli_fbase), info.dli_sname != NULL ? " (" : "",
            info.dli_sname != NULL ? info.dli_sname : "", info.dli_sname != NULL ? ")" : "");
    }
}

/* One line each: a name, and a text that must stand in the finding (nothing: any). */
static bool is_suppressed(const char *name, const char *text)
{
    static char list[SUPPRESSIONS];
    static int known; /* 1: read */
    if (!known) {
        char path[SRI_RUN_TEXT + 40];
        snprintf(path, sizeof path, "%s/%s", sri_agent.folder, SRI_RUN_SUPPRESSIONS);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t length = fd >= 0 ? read(fd, list, sizeof list - 1) : 0;
        list[length > 0 ? length : 0] = 0;
        if (fd >= 0)
            (void)syscall(SYS_close, fd);
        known = 1;
    }
    for (const char *line = list; *line != 0;) {
        size_t length = strcspn(line, "\n");
        char copy[256];
        snprintf(copy, sizeof copy, "%.*s", (int)(length < 255 ? length : 255), line);
        char *space = strchr(copy, ' ');
        if (space != NULL)
            *space = 0;
        bool named = copy[0] != '#' && (strcmp(copy, name) == 0 || strcmp(copy, "*") == 0);
        if (named && (space == NULL || strstr(text, space + 1) != NULL))
            return true;
        line += length + (line[length] == '\n' ? 1 : 0);
    }
    return false;
}

/* The innermost frames tell: the same call may be reached on many stacks. */
static bool is_same(const struct sri_place_of_call *one, const struct sri_place_of_call *two)
{
    if (one == two || one == NULL || two == NULL)
        return one == two;
    for (uint32_t i = 0; i < SAME_FRAMES; i++) {
        const void *left = i < one->count ? one->frames[i] : NULL;
        if (left != (i < two->count ? two->frames[i] : NULL))
            return false;
    }
    return true;
}

/* The same thing at the same place again is the same finding. */
static bool is_told(const char *name, const struct sri_place_of_call *place)
{
    static struct {
        const char *name;
        const struct sri_place_of_call *place;
    } told[TOLD];
    static unsigned count;
    for (unsigned i = 0; i < count; i++) {
        if (strcmp(told[i].name, name) == 0 && is_same(told[i].place, place))
            return true;
    }
    if (count < TOLD) {
        told[count].name = name;
        told[count++].place = place;
    }
    return false;
}

static void write_out(const struct text *text)
{
    char path[SRI_RUN_TEXT + 40];
    snprintf(path, sizeof path, "%s/%s", sri_agent.folder, SRI_RUN_FINDINGS);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0)
        return;
    ssize_t ignored = write(fd, text->bytes, text->length);
    (void)ignored;
    (void)syscall(SYS_close, fd);
}

/* The whole of it, for people. */
static void compose(struct text *text, const char *name, const struct sri_borrowed *about, const char *what)
{
    add(text, "FINDING %s: %s\n", name, what);
    add(text, "  process %d (%s)\n", (int)getpid(), sri_agent.page->program);
    if (about != NULL) {
        add(text, "  operation %s, request %llu, user_data %#llx, ring %d", sri_opcode_name(about->opcode),
            (unsigned long long)about->request, (unsigned long long)about->user_data, about->ring);
        if (about->fd >= 0)
            add(text, ", descriptor %d", about->fd);
        add(text, "\n  submitted\n");
        add_place(text, about->place);
    }
    if (about == NULL || (sri_detect.place != about->place && sri_detect.place != NULL)) {
        add(text, about == NULL ? "  in the call\n" : "  last call of io_uring\n");
        add_place(text, sri_detect.place);
    }
    add(text, "\n");
}

static const struct sri_place_of_call *place_of(const struct sri_borrowed *about)
{
    return about != NULL ? about->place : sri_detect.place;
}

__attribute__((format(printf, 4, 0))) static void word(struct text *text, const char *name,
                                                       const struct sri_borrowed *about, const char *format,
                                                       va_list arguments)
{
    char what[512];
    vsnprintf(what, sizeof what, format, arguments);
    compose(text, name, about, what);
}

void sri_finding(const char *name, const struct sri_borrowed *about, const char *format, ...)
{
    struct text text = {.length = 0};
    va_list arguments;
    int saved = errno;
    va_start(arguments, format);
    word(&text, name, about, format, arguments);
    va_end(arguments);
    if (is_suppressed(name, text.bytes)) {
        sri_agent.page->suppressed++;
    } else if (!is_told(name, place_of(about))) {
        sri_agent.page->findings++;
        sri_steps_finding(name, about != NULL ? about->request : 0);
        write_out(&text);
    }
    errno = saved;
}

void sri_finding_pending(const char *name, const struct sri_borrowed *about, const char *format, ...)
{
    struct text text = {.length = 0};
    va_list arguments;
    int saved = errno;
    va_start(arguments, format);
    word(&text, name, about, format, arguments);
    va_end(arguments);
    if (!is_suppressed(name, text.bytes))
        snprintf(sri_agent.page->pending, sizeof sri_agent.page->pending, "%s", text.bytes);
    errno = saved;
}

void sri_finding_settled(void)
{
    sri_agent.page->pending[0] = 0;
}
