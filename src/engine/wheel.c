/*
 * A hierarchical timing wheel. It never asks what time it is.
 */
#include "engine/wheel.h"

#include "base/contradiction.h"

#define DIGIT_BITS 6u
#define DIGIT_MASK 63u

static struct sri_wheel_entry *entry_of(struct sri_node *node)
{
    return SRI_CONTAINER_OF(node, struct sri_wheel_entry, node);
}

static unsigned level_of(uint64_t now_ns, uint64_t due_ns)
{
    return (63u - (unsigned)__builtin_clzll((unsigned long long)(now_ns ^ due_ns))) / DIGIT_BITS;
}

static unsigned slot_of(unsigned level, uint64_t due_ns)
{
    return (unsigned)(due_ns >> (level * DIGIT_BITS)) & DIGIT_MASK;
}

void sri_wheel_init(struct sri_wheel *wheel)
{
    wheel->now_ns = 0;
    wheel->levels = 0;
    for (unsigned level = 0; level < SRI_WHEEL_LEVELS; level++) {
        wheel->occupied[level] = 0;
        wheel->stale[level] = 0;
        for (unsigned slot = 0; slot < SRI_WHEEL_SLOTS; slot++)
            sri_list_init(&wheel->slots[level][slot]);
    }
}

static void place(struct sri_wheel *wheel, struct sri_wheel_entry *entry)
{
    unsigned level = level_of(wheel->now_ns, entry->due_ns);
    unsigned slot = slot_of(level, entry->due_ns);
    uint64_t bit = UINT64_C(1) << slot;
    sri_list_append(&wheel->slots[level][slot], &entry->node);
    bool first = !(wheel->occupied[level] & bit);
    if (first || entry->due_ns < wheel->earliest[level][slot]) {
        wheel->earliest[level][slot] = entry->due_ns;
        wheel->stale[level] &= ~bit;
    }
    if (first || entry->due_ns > wheel->latest[level][slot])
        wheel->latest[level][slot] = entry->due_ns;
    wheel->occupied[level] |= bit;
    wheel->levels |= 1u << level;
}

static void vacate(struct sri_wheel *wheel, unsigned level, unsigned slot)
{
    wheel->occupied[level] &= ~(UINT64_C(1) << slot);
    wheel->stale[level] &= ~(UINT64_C(1) << slot);
    if (wheel->occupied[level] == 0)
        wheel->levels &= ~(1u << level);
}

void sri_wheel_insert(struct sri_wheel *wheel, struct sri_wheel_entry *entry, uint64_t due_ns)
{
    SRI_REQUIRE(due_ns > wheel->now_ns);
    entry->due_ns = due_ns;
    place(wheel, entry);
}

void sri_wheel_remove(struct sri_wheel *wheel, struct sri_wheel_entry *entry)
{
    unsigned level = level_of(wheel->now_ns, entry->due_ns);
    unsigned slot = slot_of(level, entry->due_ns);
    sri_list_remove(&entry->node);
    if (sri_list_empty(&wheel->slots[level][slot]))
        vacate(wheel, level, slot);
    else if (entry->due_ns == wheel->earliest[level][slot])
        wheel->stale[level] |= UINT64_C(1) << slot;
}

/* Empties one slot whose beginning the wheel has reached: what is due expires, the rest moves to finer levels. */
static void open_slot(struct sri_wheel *wheel, unsigned level, unsigned slot, struct sri_node *expired)
{
    struct sri_node *head = &wheel->slots[level][slot];
    struct sri_node *node = head->next;
    sri_list_init(head);
    vacate(wheel, level, slot);
    while (node != head) {
        struct sri_node *next = node->next;
        struct sri_wheel_entry *entry = entry_of(node);
        if (entry->due_ns <= wheel->now_ns)
            sri_list_append(expired, node);
        else
            place(wheel, entry);
        node = next;
    }
}

/* All entries of the slot are of one time, and it has come: they leave together, without being looked at. */
static bool release_slot(struct sri_wheel *wheel, unsigned level, unsigned slot, uint64_t now_ns,
                         struct sri_node *expired)
{
    uint64_t due_ns = wheel->earliest[level][slot];
    if ((wheel->stale[level] >> slot & 1) || due_ns != wheel->latest[level][slot] || due_ns > now_ns)
        return false;
    struct sri_node *head = &wheel->slots[level][slot];
    wheel->now_ns = due_ns;
    head->next->previous = expired->previous;
    expired->previous->next = head->next;
    head->previous->next = expired;
    expired->previous = head->previous;
    sri_list_init(head);
    vacate(wheel, level, slot);
    return true;
}

void sri_wheel_turn(struct sri_wheel *wheel, uint64_t now_ns, struct sri_node *expired)
{
    if (now_ns <= wheel->now_ns)
        return;
    while (!sri_wheel_empty(wheel)) {
        unsigned level = (unsigned)__builtin_ctz(wheel->levels);
        unsigned slot = (unsigned)__builtin_ctzll((unsigned long long)wheel->occupied[level]);
        unsigned shift = level * DIGIT_BITS;
        uint64_t above =
            shift + DIGIT_BITS >= 64 ? 0 : wheel->now_ns >> (shift + DIGIT_BITS) << (shift + DIGIT_BITS);
        uint64_t begin = above | (uint64_t)slot << shift;
        if (begin > now_ns)
            break;
        if (release_slot(wheel, level, slot, now_ns, expired))
            continue;
        wheel->now_ns = begin;
        open_slot(wheel, level, slot, expired);
    }
    wheel->now_ns = now_ns;
}

static uint64_t scan(const struct sri_node *head)
{
    uint64_t earliest_ns = UINT64_MAX;
    for (struct sri_node *node = head->next; node != head; node = node->next) {
        if (entry_of(node)->due_ns < earliest_ns)
            earliest_ns = entry_of(node)->due_ns;
    }
    return earliest_ns;
}

/* The first slot of the finest occupied level has the earliest entry of all. */
uint64_t sri_wheel_next_ns(struct sri_wheel *wheel)
{
    if (sri_wheel_empty(wheel))
        return UINT64_MAX;
    unsigned level = (unsigned)__builtin_ctz(wheel->levels);
    unsigned slot = (unsigned)__builtin_ctzll((unsigned long long)wheel->occupied[level]);
    uint64_t bit = UINT64_C(1) << slot;
    if (wheel->stale[level] & bit) {
        wheel->earliest[level][slot] = scan(&wheel->slots[level][slot]);
        wheel->stale[level] &= ~bit;
    }
    return wheel->earliest[level][slot];
}
