/*
 * The names of runs.
 */
#include "sim_plan.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct writer {
    char *text;
    size_t size;
    size_t used;
};

static void put(struct writer *writer, const char *text)
{
    for (; *text != 0; text++, writer->used++)
        if (writer->used + 1 < writer->size)
            writer->text[writer->used] = *text;
}

static void put_number(struct writer *writer, const char *word, uint64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, number);
    put(writer, word);
    put(writer, text);
}

static void put_body(struct writer *writer, const struct sri_plan *plan)
{
    static const char digits[] = "0123456789abcdef";
    size_t size = plan->size;
    while (size > 0 && plan->body[size - 1] == 0)
        size--;
    put(writer, "body=");
    for (size_t i = 0; i < size; i++) {
        const char pair[3] = {digits[plan->body[i] >> 4], digits[plan->body[i] & 15], 0};
        put(writer, pair);
    }
}

size_t sri_plan_name(const struct sri_plan *plan, char *text, size_t size)
{
    struct writer writer = {text, size, 0};
    switch (plan->luck) {
    case SRI_PLAN_KIND: put(&writer, "kind"); break;
    case SRI_PLAN_SEED: put_number(&writer, "seed=", plan->seed); break;
    case SRI_PLAN_IMAGE: put_number(&writer, "image=", plan->seed); break;
    case SRI_PLAN_BODY:
    case SRI_PLAN_DRIVEN: put_body(&writer, plan); break;
    }
    if (plan->loses_power)
        put_number(&writer, ",power=", plan->power_after);
    if (plan->allocation > 0) {
        put_number(&writer, ",allocation=", plan->allocation);
        put(&writer, plan->sticky ? "+" : "");
    }
    if (size > 0)
        text[writer.used < size ? writer.used : size - 1] = 0;
    return writer.used;
}

static bool take(const char **at, const char *word)
{
    size_t length = strlen(word);
    if (strncmp(*at, word, length) != 0)
        return false;
    *at += length;
    return true;
}

static bool take_number(const char **at, uint64_t *number)
{
    const char *begin = *at;
    for (*number = 0; **at >= '0' && **at <= '9'; (*at)++)
        if (__builtin_mul_overflow(*number, 10, number) ||
            __builtin_add_overflow(*number, (uint64_t)(**at - '0'), number))
            return false;
    return *at > begin;
}

static int value_of(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

static bool take_body(const char **at, struct sri_plan *plan, uint8_t *room, size_t room_size)
{
    plan->luck = SRI_PLAN_BODY;
    plan->body = room;
    while (value_of(**at) >= 0) {
        int low = value_of((*at)[1]);
        if (low < 0 || plan->size == room_size)
            return false;
        room[plan->size++] = (uint8_t)(value_of(**at) << 4 | low);
        *at += 2;
    }
    return true;
}

static bool take_word(const char **at, struct sri_plan *plan, uint8_t *room, size_t room_size)
{
    if (take(at, "kind")) {
        plan->luck = SRI_PLAN_KIND;
        return true;
    }
    if (take(at, "seed=")) {
        plan->luck = SRI_PLAN_SEED;
        return take_number(at, &plan->seed);
    }
    if (take(at, "image=")) {
        plan->luck = SRI_PLAN_IMAGE;
        return take_number(at, &plan->seed);
    }
    if (take(at, "power=")) {
        plan->loses_power = true;
        return take_number(at, &plan->power_after);
    }
    if (take(at, "allocation=")) {
        bool taken = take_number(at, &plan->allocation) && plan->allocation > 0;
        plan->sticky = taken && take(at, "+");
        return taken;
    }
    return take(at, "body=") && take_body(at, plan, room, room_size);
}

int sri_plan_parse(struct sri_plan *plan, const char *text, uint8_t *room, size_t room_size, size_t *wrong)
{
    const char *at = text;
    *plan = (struct sri_plan){.luck = SRI_PLAN_KIND};
    if (strpbrk(text, "/.") != NULL)
        return -ENOENT;
    do {
        if (!take_word(&at, plan, room, room_size)) {
            *wrong = (size_t)(at - text);
            return -EINVAL;
        }
    } while (take(&at, ","));
    *wrong = (size_t)(at - text);
    return *at == 0 ? 0 : -EINVAL;
}
