/*
 * Policies as text: the presets, and reading them.
 */
#include "fate/policy.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/engine.h"

#define PREFIX "safer_ring/"
#define MOST 1024

static const struct {
    const char *name;
    const char *text;
} presets[] = {
    /* What every kernel does every day. */
    {"gentle", "time/* * * 256\n"
               "buffer/late * * 128\n"
               "cancel/* * * 128\n"
               "zero_copy/late * * 256\n"
               "zero_copy/usage * * 256\n"
               "world/wake * * 256\n"
               "result/short * socket,stream 64\n"},
    /* What else a program must expect that reads files. */
    {"reads", "use gentle\n"
              "buffer/* * * 128\n"
              "result/short READ,READV,READ_FIXED,RECV,RECVMSG * 192\n"
              "enter/eagain * * 8\n"
              "enter/partial * * 64\n"
              "wait/eintr * * 32\n"},
    {"network", "use reads\n"
                "result/short * socket,stream 256\n"
                "provided/* * * 32\n"
                "multishot/last * * 64\n"
                "zero_copy/* * * 256\n"
                "result/errno * socket 8\n"},
    {"disk", "use reads\n"
             "result/short * file 192\n"
             "result/errno * file 8\n"},
    {"cruel", "setup/* * * 8\n"
              "register/* * * 16\n"
              "enter/* * * 32\n"
              "wait/* * * 64\n"
              "time/* * * 384\n"
              "result/errno * * 32\n"
              "result/short * * 384\n"
              "buffer/* * * 384\n"
              "cancel/* * * 384\n"
              "provided/* * * 128\n"
              "multishot/* * * 128\n"
              "zero_copy/* * * 384\n"
              "world/wake * * 384\n"},
};

const char *sri_policy_preset(const char *name, size_t length)
{
    for (size_t i = 0; i < sizeof presets / sizeof presets[0]; i++) {
        if (strlen(presets[i].name) == length && memcmp(presets[i].name, name, length) == 0)
            return presets[i].text;
    }
    return NULL;
}

struct word {
    const char *text;
    size_t length;
};

__attribute__((format(printf, 2, 3))) static int wrong(struct sri_policy_error *error, const char *format,
                                                       ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    return -EINVAL;
}

static bool is(struct word word, const char *text)
{
    return strlen(text) == word.length && memcmp(word.text, text, word.length) == 0;
}

/* The next part of a list with commas; false at its end. */
static bool next_part(struct word *list, struct word *part)
{
    if (list->length == 0)
        return false;
    const char *comma = memchr(list->text, ',', list->length);
    part->text = list->text;
    part->length = comma != NULL ? (size_t)(comma - list->text) : list->length;
    size_t skip = part->length + (comma != NULL ? 1 : 0);
    list->text += skip;
    list->length -= skip;
    return true;
}

static int read_number(struct word word, uint16_t *number)
{
    unsigned value = 0;
    if (word.length == 0 || word.length > 4)
        return -EINVAL;
    for (size_t i = 0; i < word.length; i++) {
        if (word.text[i] < '0' || word.text[i] > '9')
            return -EINVAL;
        value = value * 10 + (unsigned)(word.text[i] - '0');
    }
    *number = (uint16_t)value;
    return value <= MOST ? 0 : -EINVAL;
}

static int read_operations(struct word list, bool *chosen, struct sri_policy_error *error)
{
    struct word part;
    bool all = is(list, "*");
    memset(chosen, all, SRI_POLICY_OPERATIONS);
    while (!all && next_part(&list, &part)) {
        bool found = false;
        for (uint8_t op = 0; op < SRI_POLICY_OPERATIONS; op++) {
            if (!is(part, sri_opcode_name(op)) || is(part, "?"))
                continue;
            chosen[op] = true;
            found = true;
        }
        if (!found)
            return wrong(error, "there is no operation `%.*s`", (int)part.length, part.text);
    }
    return 0;
}

static int read_kinds(struct word list, bool *chosen, struct sri_policy_error *error)
{
    static const char *const names[SRI_POLICY_KINDS] = {"none", "file", "socket", "stream"};
    struct word part;
    bool all = is(list, "*");
    memset(chosen, all, SRI_POLICY_KINDS);
    while (!all && next_part(&list, &part)) {
        bool found = false;
        for (unsigned kind = 0; kind < SRI_POLICY_KINDS; kind++) {
            if (!is(part, names[kind]))
                continue;
            chosen[kind] = true;
            found = true;
        }
        if (!found)
            return wrong(error, "there is no kind `%.*s`; there are none, file, socket, stream",
                         (int)part.length, part.text);
    }
    return 0;
}

static bool names_point(struct word pattern, const char *name)
{
    name += strlen(PREFIX);
    if (pattern.length > strlen(PREFIX) && memcmp(pattern.text, PREFIX, strlen(PREFIX)) == 0) {
        pattern.text += strlen(PREFIX);
        pattern.length -= strlen(PREFIX);
    }
    if (pattern.length > 0 && pattern.text[pattern.length - 1] == '*')
        return strncmp(name, pattern.text, pattern.length - 1) == 0;
    return is(pattern, name);
}

static int set(struct sri_policy *policy, struct word pattern, const bool *operations, const bool *kinds,
               uint16_t weight, struct sri_policy_error *error)
{
    bool found = false;
    for (unsigned point = 0; point < SRI_POINTS; point++) {
        if (!names_point(pattern, sri_point_infos[point].name))
            continue;
        found = true;
        for (unsigned op = 0; op < SRI_POLICY_OPERATIONS; op++)
            for (unsigned kind = 0; kind < SRI_POLICY_KINDS; kind++)
                if (operations[op] && kinds[kind])
                    policy->per_1024[point][op][kind] = weight;
    }
    return found ? 0 : wrong(error, "there is no fault point `%.*s`", (int)pattern.length, pattern.text);
}

static const struct {
    const char *name;
    int16_t number;
} errno_names[] = {{"EINTR", EINTR},
                   {"EAGAIN", EAGAIN},
                   {"EIO", EIO},
                   {"ENOSPC", ENOSPC},
                   {"ENOMEM", ENOMEM},
                   {"EPIPE", EPIPE},
                   {"ECONNRESET", ECONNRESET},
                   {"ENOBUFS", ENOBUFS},
                   {"EDQUOT", EDQUOT},
                   {"EMFILE", EMFILE},
                   {"ENFILE", ENFILE},
                   {"ETIMEDOUT", ETIMEDOUT},
                   {"EACCES", EACCES},
                   {"EPERM", EPERM},
                   {"ECONNREFUSED", ECONNREFUSED},
                   {"ECONNABORTED", ECONNABORTED}};

static int read_errnos(struct sri_policy *policy, struct word list, struct sri_policy_error *error)
{
    struct word part;
    policy->errno_count = 0;
    while (next_part(&list, &part)) {
        uint32_t before = policy->errno_count;
        for (size_t i = 0; i < sizeof errno_names / sizeof errno_names[0]; i++) {
            if (is(part, errno_names[i].name) && policy->errno_count < SRI_POLICY_ERRNOS)
                policy->errnos[policy->errno_count++] = errno_names[i].number;
        }
        if (policy->errno_count == before)
            return wrong(error, "the result `%.*s` is not known here", (int)part.length, part.text);
    }
    return 0;
}

#define WORDS 5

static unsigned split(struct word line, struct word *words)
{
    unsigned count = 0;
    const char *at = line.text;
    const char *end = at + line.length;
    while (at < end && count < WORDS) {
        while (at < end && (*at == ' ' || *at == '\t' || *at == '\r'))
            at++;
        const char *begin = at;
        while (at < end && *at != ' ' && *at != '\t' && *at != '\r' && *at != '#')
            at++;
        if (at > begin)
            words[count++] = (struct word){begin, (size_t)(at - begin)};
        if (at < end && *at == '#')
            break;
    }
    return count;
}

static int read_text(struct sri_policy *policy, const char *text, struct sri_policy_error *error,
                     bool preset);

static int use(struct sri_policy *policy, struct word name, struct sri_policy_error *error)
{
    const char *text = sri_policy_preset(name.text, name.length);
    if (text == NULL)
        return wrong(error, "there is no preset `%.*s`; there are " SRI_POLICY_PRESETS, (int)name.length,
                     name.text);
    return read_text(policy, text, error, true);
}

static int read_line(struct sri_policy *policy, struct word line, struct sri_policy_error *error)
{
    struct word words[WORDS];
    bool operations[SRI_POLICY_OPERATIONS];
    bool kinds[SRI_POLICY_KINDS];
    uint16_t weight = 0;
    unsigned count = split(line, words);
    if (count == 0)
        return 0;
    if (count == 2 && is(words[0], "use"))
        return use(policy, words[1], error);
    if (count == 2 && is(words[0], "errnos"))
        return read_errnos(policy, words[1], error);
    if (count != 4)
        return wrong(error, "a line is `use NAME`, `errnos LIST` or `POINT OPERATIONS KINDS PER_1024`");
    int rc = read_operations(words[1], operations, error);
    if (rc == 0)
        rc = read_kinds(words[2], kinds, error);
    if (rc == 0 && read_number(words[3], &weight) != 0)
        rc = wrong(error, "`%.*s` is no number from 0 to 1024", (int)words[3].length, words[3].text);
    return rc == 0 ? set(policy, words[0], operations, kinds, weight, error) : rc;
}

static int read_text(struct sri_policy *policy, const char *text, struct sri_policy_error *error, bool preset)
{
    unsigned number = 0;
    while (*text != 0) {
        size_t length = strcspn(text, "\n");
        int rc = read_line(policy, (struct word){text, length}, error);
        number++;
        if (rc != 0) {
            if (!preset)
                error->line = number;
            return rc;
        }
        text += length + (text[length] == '\n' ? 1 : 0);
    }
    return 0;
}

int sri_policy_read(struct sri_policy *policy, const char *text, struct sri_policy_error *error)
{
    error->line = 0;
    return read_text(policy, text, error, false);
}

int sri_policy_only(struct sri_policy *policy, const char *text, struct sri_policy_error *error)
{
    bool operations[SRI_POLICY_OPERATIONS];
    bool kinds[SRI_POLICY_KINDS];
    struct word list = {text, strlen(text)};
    struct word part;
    memset(policy, 0, sizeof *policy);
    memset(operations, true, sizeof operations);
    memset(kinds, true, sizeof kinds);
    error->line = 0;
    while (next_part(&list, &part)) {
        uint16_t weight = 128;
        const char *equals = memchr(part.text, '=', part.length);
        if (equals != NULL) {
            size_t name = (size_t)(equals - part.text);
            if (read_number((struct word){equals + 1, part.length - name - 1}, &weight) != 0)
                return wrong(error, "`%.*s`: behind the = stands a number from 0 to 1024", (int)part.length,
                             part.text);
            part.length = name;
        }
        int rc = set(policy, part, operations, kinds, weight, error);
        if (rc != 0)
            return rc;
    }
    return 0;
}
