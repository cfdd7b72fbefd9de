/*
 * One event at a time, to whoever asked for it; to nobody by default. Never writes to a stream of its own.
 */
#include "safer_ring/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ring/ring_private.h"

static sr_log_fn *log_function;
static void *log_user;
static sr_log_event_fn *event_function;
static void *event_user;

void sr_set_log(sr_log_fn *log, void *user)
{
    log_function = log;
    log_user = user;
}

void sr_set_log_events(sr_log_event_fn *log, void *user)
{
    event_function = log;
    event_user = user;
}

void sri_log(int level, const char *format, ...)
{
    if (log_function == NULL && event_function == NULL)
        return;
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (length < 0)
        return;
    if (log_function != NULL)
        log_function((enum sr_log_level)level, text, log_user);
    if (event_function != NULL) {
        const struct sr_log_event event = {.level = (enum sr_log_level)level,
                                           .name = "message",
                                           .text = text,
                                           .fd = -1};
        event_function(&event, event_user);
    }
}

void sri_log_operation(const struct sr_log_event *event)
{
    if (event_function != NULL)
        event_function(event, event_user);
    if (log_function == NULL)
        return;
    char text[256];
    sr_log_text(event, text, sizeof text);
    log_function(event->level, text, log_user);
}

/* ---- Lines ---- */

/* A line that is written as far as it has room, and measured to its end. */
struct line {
    char *out;
    size_t size;
    size_t length;
};

static void put(struct line *line, char c)
{
    if (line->length + 1 < line->size)
        line->out[line->length] = c;
    line->length++;
}

static void __attribute__((format(printf, 2, 3))) add(struct line *line, const char *format, ...)
{
    char text[160];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    for (int i = 0; i < length && (size_t)i < sizeof text - 1; i++)
        put(line, text[i]);
}

static void add_plain(struct line *line, const char *text)
{
    while (*text != '\0')
        put(line, *text++);
}

static size_t end(struct line *line)
{
    if (line->size > 0)
        line->out[line->length < line->size ? line->length : line->size - 1] = '\0';
    return line->length;
}

static const char *level_name(enum sr_log_level level)
{
    static const char *const names[] = {"error", "warning", "info", "debug"};
    return (unsigned)level < 4 ? names[level] : "unknown";
}

size_t sr_log_text(const struct sr_log_event *event, char *out, size_t size)
{
    struct line line = {out, size, 0};
    if (event->text != NULL) {
        add_plain(&line, event->text);
        return end(&line);
    }
    add_plain(&line, event->name);
    add(&line, " %#llx ", (unsigned long long)event->operation);
    add_plain(&line, event->kind);
    add(&line, " fd %d, %llu bytes", event->fd, (unsigned long long)event->bytes);
    if (strcmp(event->name, "operation_ended") == 0)
        add(&line, ": %lld", (long long)event->result);
    return end(&line);
}

/* RFC 8259, section 7. Bytes above 127 are UTF-8 already, as the library's own texts are. */
static void add_string(struct line *line, const char *text)
{
    put(line, '"');
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\') {
            put(line, '\\');
            put(line, *text);
        } else if (c < 0x20) {
            add(line, "\\u%04x", c);
        } else {
            put(line, *text);
        }
    }
    put(line, '"');
}

size_t sr_log_json(const struct sr_log_event *event, char *out, size_t size)
{
    struct line line = {out, size, 0};
    add(&line, "{\"level\":\"%s\",\"event\":", level_name(event->level));
    add_string(&line, event->name);
    if (event->text != NULL) {
        add(&line, ",\"text\":");
        add_string(&line, event->text);
    } else {
        add(&line, ",\"time_ns\":%llu,\"operation\":\"%#llx\",\"kind\":", (unsigned long long)event->time_ns,
            (unsigned long long)event->operation);
        add_string(&line, event->kind);
        add(&line, ",\"fd\":%d,\"bytes\":%llu", event->fd, (unsigned long long)event->bytes);
        if (strcmp(event->name, "operation_ended") == 0)
            add(&line, ",\"result\":%lld", (long long)event->result);
    }
    put(&line, '}');
    return end(&line);
}
