/*
 * The registry, judged: what is registered is the kernel's, all or nothing; what is stale is refused; what is used stays; what
 * comes back is what was given, in order (REG-1 … REG-5). What the kernel holds is counted by the tap.
 */
#define SR_NO_OWNERSHIP_ANALYSIS
#include <string.h>

#include "oracle/model.h"

/* How many use a file, or have a slot's buffer, at least and at most: an orphan may have ended unseen. */
struct bounds {
    uint32_t certain;
    uint32_t most;
};

static bool may_have_ended(const struct sri_model *model, const struct sri_act *act)
{
    return act->hand == SRI_HAND_LEFT || (act->hand == SRI_HAND_DROPPED && (!model->sees || act->posted));
}

static struct bounds users_of(const struct sri_model *model, const struct sri_filed *file)
{
    struct bounds bounds = {0, 0};
    for (const struct sri_node *node = model->acts.next; node != &model->acts; node = node->next) {
        const struct sri_act *act = SRI_CONTAINER_OF(node, struct sri_act, node);
        if (act->file != file)
            continue;
        bounds.most++;
        bounds.certain += may_have_ended(model, act) ? 0 : 1;
    }
    return bounds;
}

static struct bounds holders_of(const struct sri_model *model, const struct sri_slotted *slot)
{
    struct bounds bounds = {0, 0};
    for (const struct sri_node *node = model->helds.next; node != &model->helds; node = node->next) {
        const struct sri_held *held = SRI_CONTAINER_OF(node, struct sri_held, node);
        const struct sri_act *act = held->vector != NULL ? held->vector->act : held->act;
        if (held->slot != slot)
            continue;
        bounds.most++;
        bounds.certain += held->handle == NULL && act != NULL && may_have_ended(model, act) ? 0 : 1;
    }
    return bounds;
}

/* It is the registry's no more. Orphans that used it have ended, or it would have stayed. */
static void leave_file(struct sri_model *model, struct sri_filed *file)
{
    for (struct sri_node *node = model->acts.next; node != &model->acts; node = node->next) {
        struct sri_act *act = SRI_CONTAINER_OF(node, struct sri_act, node);
        if (act->file == file)
            act->file = NULL;
    }
    file->live = false;
}

static void leave_slot(struct sri_model *model, struct sri_slotted *slot)
{
    for (struct sri_node *node = model->helds.next; node != &model->helds; node = node->next) {
        struct sri_held *held = SRI_CONTAINER_OF(node, struct sri_held, node);
        if (held->slot == slot)
            held->slot = NULL;
    }
    slot->live = false;
}

/* ---- the books against what the registry says ---- */

/* A retired file is gone with its last user. */
static void bury_retired(struct sri_model *model)
{
    for (uint32_t i = 0; i < SRI_FILED; i++) {
        struct sri_filed *file = &model->store.files[i];
        if (file->live && file->retired && users_of(model, file).most == 0)
            file->live = false;
    }
}

/* Adds what may be and what is: a retired thing whose last user may have ended is perhaps gone. */
static void add(struct bounds *all, struct bounds *used, bool retired, struct bounds users)
{
    all->most++;
    all->certain += !retired || users.certain > 0 ? 1 : 0;
    used->most += users.most > 0 ? 1 : 0;
    used->certain += users.certain > 0 ? 1 : 0;
}

static bool within(uint32_t value, struct bounds bounds)
{
    return value >= bounds.certain && value <= bounds.most;
}

void sri_store_judge_registry(struct sri_model *model)
{
    struct sr_registry_stats stats;
    struct bounds files = {0, 0};
    struct bounds files_used = {0, 0};
    struct bounds slots = {0, 0};
    struct bounds slots_used = {0, 0};
    if (model->store.registry == NULL)
        return;
    bury_retired(model);
    for (uint32_t i = 0; i < SRI_FILED; i++)
        if (model->store.files[i].live)
            add(&files, &files_used, model->store.files[i].retired, users_of(model, &model->store.files[i]));
    for (uint32_t i = 0; i < SRI_SLOTTED; i++)
        if (model->store.slots[i].live)
            add(&slots, &slots_used, model->store.slots[i].retired,
                holders_of(model, &model->store.slots[i]));
    int rc = sr_registry_stats(model->store.registry, &stats);
    sri_judge(model->verdict, SRI_RULE_REG_1, 0,
              rc == 0 && within(stats.files, files) && within(stats.slots, slots),
              "the registry says %u files and %u slots; there are %u to %u and %u to %u",
              rc == 0 ? stats.files : 0, rc == 0 ? stats.slots : 0, files.certain, files.most, slots.certain,
              slots.most);
    sri_judge(model->verdict, SRI_RULE_REG_3, 0, rc == 0 && within(stats.files_in_use, files_used),
              "the registry says that %u files are in use; %u to %u are", rc == 0 ? stats.files_in_use : 0,
              files_used.certain, files_used.most);
    sri_judge(model->verdict, SRI_RULE_REG_5, 0, rc == 0 && within(stats.slots_in_use, slots_used),
              "the registry says that the buffers of %u slots are out; %u to %u are",
              rc == 0 ? stats.slots_in_use : 0, slots_used.certain, slots_used.most);
}

/* A failed call has changed nothing, in the kernel neither (REG-1). */
static void judge_same(struct sri_model *model, uint32_t files, uint32_t buffers, int rc)
{
    /* A kernel that refuses to empty a place is asked again later; what it holds then can't be told from here. */
    bool same = model->tap->fixed_files == files && model->tap->fixed_buffers == buffers;
    sri_judge(model->verdict, SRI_RULE_REG_1, 0, same || model->tap->register_faults > 0,
              "after an answer of %d the kernel's tables hold %u files and %u buffers; they held %u and %u",
              rc, model->tap->fixed_files, model->tap->fixed_buffers, files, buffers);
    sri_store_judge_registry(model);
}

/* ---- life ---- */

void sri_store_new_registry(struct sri_model *model)
{
    if (model->store.registry != NULL || model->ring == NULL)
        return;
    int rc = sr_registry_new(model->ring, &model->store.registry);
    sri_model_tell(model, "new registry: %d", rc);
    sri_judge(model->verdict, SRI_RULE_REG_1, 0, rc == 0 || rc == -ENOMEM, "a registry could not be made: %d",
              rc);
}

void sri_store_probe_close(struct sri_model *model)
{
    struct sr_ring *handle = model->ring;
    if (model->store.registry == NULL || sr_ring_in_flight(model->ring) > 0)
        return;
    int rc = sr_ring_try_close(&handle);
    sri_judge(model->verdict, SRI_RULE_RING_5, 0, rc == -EBUSY && handle == model->ring,
              "a ring with a live registry was closed: %d", rc);
}

/* Slots' buffers at home go to their origins with it. */
static void judge_slots_gone(struct sri_model *model)
{
    for (uint32_t i = 0; i < SRI_SLOTTED; i++) {
        struct sri_slotted *slot = &model->store.slots[i];
        if (slot->live && slot->block != NULL)
            sri_judge(model->verdict, SRI_RULE_REG_5, 0,
                      !slot->block->live || slot->block->serial != slot->serial,
                      "a registry ended, and a buffer in its slot did not go to its origin");
        leave_slot(model, slot);
    }
    for (uint32_t i = 0; i < SRI_FILED; i++)
        leave_file(model, &model->store.files[i]);
}

static struct bounds in_use(struct sri_model *model)
{
    struct bounds all = {0, 0};
    for (uint32_t i = 0; i < SRI_FILED + SRI_SLOTTED; i++) {
        bool is_file = i < SRI_FILED;
        if (is_file ? !model->store.files[i].live : !model->store.slots[i - SRI_FILED].live)
            continue;
        struct bounds users = is_file ? users_of(model, &model->store.files[i])
                                      : holders_of(model, &model->store.slots[i - SRI_FILED]);
        all.certain += users.certain;
        all.most += users.most;
    }
    return all;
}

void sri_store_free_registry(struct sri_model *model)
{
    struct sr_registry *handle = model->store.registry;
    if (handle == NULL)
        return;
    struct bounds used = in_use(model);
    uint32_t files = model->tap->fixed_files;
    uint32_t buffers = model->tap->fixed_buffers;
    int rc = sr_registry_free(&model->store.registry);
    sri_model_tell(model, "free registry with %u to %u in use: %d", used.certain, used.most, rc);
    sri_judge(model->verdict, SRI_RULE_REG_3, 0,
              rc == 0 ? used.certain == 0 && model->store.registry == NULL
                      : rc == SR_EBUFFER_IN_FLIGHT && used.most > 0 && model->store.registry == handle,
              "a registry with %u to %u things in use ended with %d", used.certain, used.most, rc);
    if (rc == 0)
        judge_slots_gone(model);
    else if (used.certain == used.most)
        judge_same(model, files, buffers, rc);
}

/* ---- handles ---- */

struct sri_filed *sri_store_file_of(struct sri_model *model, uint32_t index, uint32_t generation)
{
    for (uint32_t i = 0; i < SRI_FILED; i++) {
        struct sri_filed *file = &model->store.files[i];
        if (file->live && file->handle.index == index && file->handle.generation == generation)
            return file;
    }
    return NULL;
}

struct sri_filed *sri_store_pick_file(struct sri_model *model, uint32_t n)
{
    for (uint32_t i = 0; i < SRI_FILED; i++) {
        struct sri_filed *file = &model->store.files[(i + n) % SRI_FILED];
        if (file->live && !file->retired)
            return file;
    }
    return NULL;
}

struct sri_slotted *sri_store_pick_slot(struct sri_model *model, uint32_t n)
{
    for (uint32_t i = 0; i < SRI_SLOTTED; i++) {
        struct sri_slotted *slot = &model->store.slots[(i + n) % SRI_SLOTTED];
        if (slot->live && !slot->retired)
            return slot;
    }
    return NULL;
}

static struct sri_filed *free_filed(struct sri_model *model)
{
    bury_retired(model);
    for (uint32_t i = 0; i < SRI_FILED; i++)
        if (!model->store.files[i].live)
            return &model->store.files[i];
    return NULL;
}

static uint32_t free_count(struct sri_model *model)
{
    uint32_t count = 0;
    bury_retired(model);
    for (uint32_t i = 0; i < SRI_FILED; i++)
        count += !model->store.files[i].live;
    return count;
}

/* Bad luck, and nothing else is wrong. */
static bool is_fault(const struct sri_model *model, int rc)
{
    return rc == -ENOMEM || (rc == -EINVAL && model->tap->register_faults > 0);
}

/* ---- files ---- */

static void take_in(struct sri_model *model, struct sr_fixed_file handle, int fd)
{
    struct sri_filed *file = free_filed(model);
    sri_judge(model->verdict, SRI_RULE_REG_2, 0,
              handle.generation != 0 && sri_store_file_of(model, handle.index, handle.generation) == NULL,
              "a new file has a handle that is in use");
    *file = (struct sri_filed){.live = true, .handle = handle, .fd = fd};
}

void sri_store_register_files(struct sri_model *model, const int fds[], uint32_t count, uint32_t bad)
{
    struct sr_fixed_file handles[SRI_FILED];
    int given[SRI_FILED];
    if (model->store.registry == NULL || count == 0 || count > SRI_FILED || count > free_count(model))
        return;
    memcpy(given, fds, count * sizeof given[0]);
    if (bad < count)
        given[bad] = SRI_MODEL_FDS + 5;
    uint32_t files = model->tap->fixed_files;
    uint32_t buffers = model->tap->fixed_buffers;
    int rc = sr_registry_register_fixed_files(model->store.registry, given, count, handles);
    sri_model_tell(model, "register %u files, the bad one %u: %d", count, bad, rc);
    sri_judge(model->verdict, SRI_RULE_REG_1, 0, rc != 0 || bad >= count, "a bad descriptor was registered");
    sri_judge(model->verdict, SRI_RULE_REG_1, 0,
              rc == 0 || is_fault(model, rc) || (rc == -EBADF && bad < count) ||
                  (rc == -ENOSPC && files + count > model->config.fixed_files),
              "registering %u files beside %u was answered %d", count, files, rc);
    if (rc != 0) {
        judge_same(model, files, buffers, rc);
        return;
    }
    for (uint32_t i = 0; i < count; i++)
        take_in(model, handles[i], fds[i]);
    judge_same(model, files + count, buffers, rc);
}

void sri_store_update_file(struct sri_model *model, struct sri_filed *file, int fd)
{
    struct bounds users = users_of(model, file);
    struct sr_fixed_file handle = file->handle;
    uint32_t files = model->tap->fixed_files;
    uint32_t buffers = model->tap->fixed_buffers;
    int rc = sr_registry_update_fixed_file(model->store.registry, &file->handle, fd);
    sri_model_tell(model, "update file %u to %d: %d", handle.index, fd, rc);
    bool moved = memcmp(&handle, &file->handle, sizeof handle) != 0;
    sri_judge(model->verdict, SRI_RULE_REG_3, 0,
              rc == 0 ? users.certain == 0 && moved
                      : !moved && (rc != SR_EBUFFER_IN_FLIGHT || users.most > 0),
              "a file with %u to %u users was replaced: %d", users.certain, users.most, rc);
    if (rc == 0) {
        model->store.stale_file = handle;
        file->fd = fd;
    }
    judge_same(model, files, buffers, rc);
}

void sri_store_remove_file(struct sri_model *model, struct sri_filed *file, bool retire)
{
    struct bounds users = users_of(model, file);
    struct sr_fixed_file handle = file->handle;
    struct sr_fixed_file copy = handle;
    int rc = retire ? sr_registry_retire_fixed_file(model->store.registry, &copy)
                    : sr_registry_remove_fixed_file(model->store.registry, &copy);
    sri_model_tell(model, "%s file %u: %d", retire ? "retire" : "remove", handle.index, rc);
    bool kept = memcmp(&copy, &handle, sizeof copy) == 0;
    if (retire)
        sri_judge(model->verdict, SRI_RULE_REG_3, 0, rc == 0 && copy.generation == 0,
                  "a file was not retired: %d", rc);
    else
        sri_judge(model->verdict, SRI_RULE_REG_3, 0,
                  rc == 0 ? users.certain == 0 && copy.generation == 0
                          : rc == SR_EBUFFER_IN_FLIGHT && users.most > 0 && kept,
                  "a file with %u to %u users was removed: %d", users.certain, users.most, rc);
    if (rc == 0) {
        model->store.stale_file = handle;
        file->retired = true;
    }
    if (rc == 0 && (!retire || users.most == 0))
        leave_file(model, file);
    sri_store_judge_registry(model);
}

void sri_store_unregister_files(struct sri_model *model)
{
    if (model->store.registry == NULL)
        return;
    struct bounds users = {0, 0};
    for (uint32_t i = 0; i < SRI_FILED; i++) {
        struct bounds one = users_of(model, &model->store.files[i]);
        users.certain += model->store.files[i].live ? one.certain : 0;
        users.most += model->store.files[i].live ? one.most : 0;
    }
    int rc = sr_registry_unregister_fixed_files(model->store.registry);
    sri_model_tell(model, "unregister all files: %d", rc);
    sri_judge(model->verdict, SRI_RULE_REG_3, 0,
              rc == 0 ? users.certain == 0 : rc == SR_EBUFFER_IN_FLIGHT && users.most > 0,
              "all files, with %u to %u users, were unregistered: %d", users.certain, users.most, rc);
    for (uint32_t i = 0; rc == 0 && i < SRI_FILED; i++) {
        if (model->store.files[i].live && !model->store.files[i].retired)
            model->store.stale_file = model->store.files[i].handle;
        leave_file(model, &model->store.files[i]);
    }
    sri_store_judge_registry(model);
}

/* ---- slots ---- */

static struct sri_slotted *free_slotted(struct sri_model *model)
{
    for (uint32_t i = 0; i < SRI_SLOTTED; i++)
        if (!model->store.slots[i].live)
            return &model->store.slots[i];
    return NULL;
}

/* The program's buffer has moved into a slot. */
static void stand(struct sri_model *model, struct sri_slotted *slot, struct sr_buffer_slot handle,
                  struct sri_held *held, uint64_t order)
{
    *slot = (struct sri_slotted){.live = true,
                                 .handle = handle,
                                 .copy = held->copy,
                                 .bytes = held->bytes,
                                 .size = held->size,
                                 .block = held->block,
                                 .serial = held->serial,
                                 .order = order};
    sri_judge(model->verdict, SRI_RULE_REG_5, 0, !sr_buffer_is_user_owned(held->copy),
              "a buffer was registered, and is still the program's");
    held->handle = NULL;
    sri_model_forget_buffer(model, held);
}

void sri_store_register_slots(struct sri_model *model, struct sri_held *helds[], uint32_t count, bool twice)
{
    struct sr_buffer *buffers[SRI_SLOTTED];
    struct sr_buffer_slot handles[SRI_SLOTTED];
    uint32_t room = 0;
    for (uint32_t i = 0; i < SRI_SLOTTED; i++)
        room += !model->store.slots[i].live;
    if (model->store.registry == NULL || count == 0 || count > room)
        return;
    for (uint32_t i = 0; i < count; i++)
        buffers[i] = helds[i]->handle;
    bool bad = twice && count > 1;
    if (bad)
        buffers[count - 1] = buffers[0];
    uint32_t files = model->tap->fixed_files;
    uint32_t held_before = model->tap->fixed_buffers;
    int rc = sr_registry_register_buffer_slots(model->store.registry, buffers, count, handles);
    sri_model_tell(model, "register %u slots%s: %d", count, bad ? ", one twice" : "", rc);
    sri_judge(model->verdict, SRI_RULE_REG_1, 0,
              rc == 0 ? !bad
                      : is_fault(model, rc) || (rc == SR_EBUFFER_IN_FLIGHT && bad) ||
                            (rc == -ENOSPC && held_before + count > model->config.fixed_buffers),
              "registering %u buffers beside %u was answered %d", count, held_before, rc);
    for (uint32_t i = 0; i < count; i++) {
        if (rc != 0)
            sri_judge(model->verdict, SRI_RULE_BUF_2, 0,
                      buffers[i] != NULL && sr_buffer_is_user_owned(helds[i]->copy),
                      "buffers that were not registered have moved: %d", rc);
        else
            stand(model, free_slotted(model), handles[i], helds[i], ++model->store.orders);
    }
    judge_same(model, files, held_before + (rc == 0 ? count : 0), rc);
}

struct sri_held *sri_store_take_slot(struct sri_model *model, struct sri_slotted *slot)
{
    struct bounds holders = holders_of(model, slot);
    struct sr_buffer *buffer = NULL;
    int rc = sr_slot_take(model->store.registry, slot->handle, &buffer);
    sri_model_tell(model, "take slot %u: %d", slot->handle.index, rc);
    sri_judge(model->verdict, SRI_RULE_REG_5, 0,
              rc == 0 ? holders.certain == 0 && buffer == slot->copy
                      : rc == SR_EBUFFER_IN_FLIGHT && holders.most > 0 && buffer == NULL,
              "a slot whose buffer is with %u to %u was taken: %d", holders.certain, holders.most, rc);
    if (rc != 0)
        return NULL;
    struct sri_held *held = sri_model_made(model, buffer, slot->size);
    if (held == NULL)
        return NULL;
    held->slot = slot;
    held->block = NULL; /* its home is the slot */
    sri_judge(model->verdict, SRI_RULE_REG_5, 0, held->bytes == slot->bytes,
              "a slot gave other bytes than were registered");
    sri_store_judge_registry(model);
    return held;
}

/* A slot's buffer, which is the program's again, with its own origin. */
static void give_back(struct sri_model *model, struct sri_slotted *slot, struct sr_buffer *buffer)
{
    sri_judge(model->verdict, SRI_RULE_REG_4, 0, buffer == slot->copy && sr_buffer_is_user_owned(buffer),
              "a slot gave another buffer back than it was given");
    struct sri_held *held = sri_model_made(model, buffer, slot->size);
    model->store.stale_slot = slot->handle;
    leave_slot(model, slot);
    if (held == NULL)
        return;
    held->block = slot->block;
    held->serial = slot->serial;
}

void sri_store_remove_slot(struct sri_model *model, struct sri_slotted *slot, bool retire)
{
    struct bounds holders = holders_of(model, slot);
    struct sr_buffer_slot copy = slot->handle;
    struct sr_buffer *out = NULL;
    int rc = retire ? sr_registry_retire_buffer_slot(model->store.registry, &copy)
                    : sr_registry_remove_buffer_slot(model->store.registry, &copy, &out);
    sri_model_tell(model, "%s slot %u: %d", retire ? "retire" : "remove", slot->handle.index, rc);
    bool right = retire    ? rc == 0
                 : rc == 0 ? holders.certain == 0 && out == slot->copy
                           : rc == SR_EBUFFER_IN_FLIGHT && holders.most > 0 && out == NULL;
    sri_judge(model->verdict, SRI_RULE_REG_3, 0, right && (rc == 0) == (copy.generation == 0),
              "a slot whose buffer is with %u to %u was %s: %d", holders.certain, holders.most,
              retire ? "retired" : "removed", rc);
    if (rc == 0 && !retire) {
        give_back(model, slot, out);
    } else if (rc == 0) {
        model->store.stale_slot = slot->handle;
        slot->retired = true;
        if (holders.most == 0)
            leave_slot(model, slot);
        if (holders.most == 0 && slot->block != NULL)
            sri_judge(model->verdict, SRI_RULE_REG_3, 0,
                      !slot->block->live || slot->block->serial != slot->serial,
                      "a slot was retired, and the buffer in it did not go to its origin");
    }
    sri_store_judge_registry(model);
}

void sri_store_update_slot(struct sri_model *model, struct sri_slotted *slot, struct sri_held *held)
{
    struct bounds holders = holders_of(model, slot);
    struct sri_slotted old = *slot;
    uint32_t files = model->tap->fixed_files;
    uint32_t buffers = model->tap->fixed_buffers;
    int rc = sr_registry_update_buffer_slot(model->store.registry, &slot->handle, &held->handle);
    sri_model_tell(model, "update slot %u: %d", old.handle.index, rc);
    bool moved = memcmp(&old.handle, &slot->handle, sizeof old.handle) != 0;
    sri_judge(model->verdict, SRI_RULE_REG_3, 0,
              rc == 0
                  ? holders.certain == 0 && moved && held->handle == old.copy
                  : !moved && held->handle == held->copy && (rc != SR_EBUFFER_IN_FLIGHT || holders.most > 0),
              "a slot whose buffer is with %u to %u was updated: %d", holders.certain, holders.most, rc);
    if (rc == 0) {
        struct sr_buffer *back = held->handle;
        stand(model, slot, slot->handle, held, old.order);
        struct sri_slotted gone = old;
        give_back(model, &gone, back);
    }
    judge_same(model, files, buffers, rc);
}

static struct sri_slotted *first_in_order(struct sri_model *model)
{
    struct sri_slotted *first = NULL;
    for (uint32_t i = 0; i < SRI_SLOTTED; i++) {
        struct sri_slotted *slot = &model->store.slots[i];
        if (slot->live && (first == NULL || slot->order < first->order))
            first = slot;
    }
    return first;
}

void sri_store_unregister_slots(struct sri_model *model)
{
    struct sr_buffer *buffers[SRI_SLOTTED] = {NULL};
    struct bounds holders = {0, 0};
    uint32_t count = 0;
    size_t given = 0;
    if (model->store.registry == NULL)
        return;
    for (uint32_t i = 0; i < SRI_SLOTTED; i++) {
        if (!model->store.slots[i].live)
            continue;
        struct bounds one = holders_of(model, &model->store.slots[i]);
        holders.certain += one.certain;
        holders.most += one.most;
        count++;
    }
    int rc = sr_registry_unregister_buffer_slots(model->store.registry, buffers, SRI_SLOTTED, &given);
    sri_model_tell(model, "unregister all slots: %d", rc);
    sri_judge(model->verdict, SRI_RULE_REG_3, 0,
              rc == 0 ? holders.certain == 0 : rc == SR_EBUFFER_IN_FLIGHT && holders.most > 0,
              "all slots, with the buffers of %u to %u out, were unregistered: %d", holders.certain,
              holders.most, rc);
    if (rc != 0)
        return;
    /* Nothing is out: retired slots have gone with the orphans that had their buffers. */
    for (uint32_t i = 0; i < SRI_SLOTTED; i++)
        if (model->store.slots[i].live && model->store.slots[i].retired) {
            leave_slot(model, &model->store.slots[i]);
            count--;
        }
    for (uint32_t i = 0; i < given && i < count; i++) {
        struct sri_slotted *slot = first_in_order(model);
        sri_judge(model->verdict, SRI_RULE_REG_4, 0, slot != NULL && buffers[i] == slot->copy,
                  "the buffers of all slots came back in another order than they were given");
        if (slot == NULL || buffers[i] != slot->copy)
            return;
        give_back(model, slot, buffers[i]);
    }
    sri_judge(model->verdict, SRI_RULE_REG_4, 0, given == count || holders.most > 0,
              "%u slots gave %u buffers back", count, (uint32_t)given);
    sri_store_judge_registry(model);
}

/* ---- misuse ---- */

static void misuse_file(struct sri_model *model, struct sri_held *held, struct sr_fixed_file file)
{
    struct sr_op op = {0};
    struct sr_op_spec spec = sr_spec_write(sr_fd_fixed(file), 0, sr_range(0, 1));
    uint32_t flying = sr_ring_in_flight(model->ring);
    if (held == NULL || held->handle == NULL || held->bytes == NULL || model->draining)
        return;
    int rc = sr_op_start(model->ring, &spec, &held->handle, &op);
    sri_judge(model->verdict, SRI_RULE_REG_2, 0, rc == SR_ENOT_REGISTERED && held->handle == held->copy,
              "an operation on a file that is not registered was answered %d", rc);
    sri_judge(model->verdict, SRI_RULE_BUF_2, 0,
              sr_ring_in_flight(model->ring) == flying && sr_buffer_is_user_owned(held->copy),
              "an operation on a file that is not registered has moved something");
}

void sri_store_misuse_handles(struct sri_model *model, struct sri_held *held, uint32_t which)
{
    struct sr_fixed_file file = model->store.stale_file;
    struct sr_buffer_slot slot = model->store.stale_slot;
    struct sr_buffer *out = NULL;
    int rc;
    if (model->store.registry == NULL)
        return;
    if (which % 8 == 7) { /* one that never was */
        file = (struct sr_fixed_file){which, 0};
        slot = (struct sr_buffer_slot){which, 0};
    }
    switch (which % 6) {
    case 0: misuse_file(model, held, file); return;
    case 1: rc = sr_slot_take(model->store.registry, slot, &out); break;
    case 2: rc = sr_registry_remove_fixed_file(model->store.registry, &file); break;
    case 3: rc = sr_registry_retire_fixed_file(model->store.registry, &file); break;
    case 4: rc = sr_registry_remove_buffer_slot(model->store.registry, &slot, &out); break;
    default: rc = sr_registry_update_fixed_file(model->store.registry, &file, 0); break;
    }
    sri_judge(model->verdict, SRI_RULE_REG_2, 0, rc == SR_ENOT_REGISTERED && out == NULL,
              "misuse %u of a stale handle was answered %d", which % 6, rc);
    sri_store_judge_registry(model);
}

/* ---- operations ---- */

static bool is_fixed_opcode(uint8_t opcode)
{
    return opcode == IORING_OP_READ_FIXED || opcode == IORING_OP_WRITE_FIXED;
}

void sri_store_judge_entry(struct sri_model *model, const struct sri_act *act, const struct io_uring_sqe *sqe)
{
    if (act->file != NULL)
        sri_judge(model->verdict, SRI_RULE_REG_5, act->id,
                  (sqe->flags & IOSQE_FIXED_FILE) != 0 && (uint32_t)sqe->fd == act->file_index,
                  "an operation on a fixed file went to the kernel as one on descriptor %d", sqe->fd);
    const struct sri_held *held = act->buffer;
    if (held == NULL || act->hand == SRI_HAND_DROPPED ||
        (act->opcode != IORING_OP_READ && act->opcode != IORING_OP_WRITE))
        return;
    bool registered = held->slot != NULL || (held->basin != NULL && held->basin->registered);
    sri_judge(model->verdict, SRI_RULE_REG_5, act->id, is_fixed_opcode(sqe->opcode) == registered,
              "a buffer that is %sregistered with this ring went to the kernel with opcode %u",
              registered ? "" : "not ", (unsigned)sqe->opcode);
}

void sri_store_came_home(struct sri_model *model, struct sri_held *held)
{
    struct sri_slotted *slot = held->slot;
    /* An orphan's may have come home long ago, and be out with somebody else since. */
    if (slot == NULL || !slot->retired || holders_of(model, slot).most > 1)
        return;
    if (slot->block != NULL)
        sri_judge(model->verdict, SRI_RULE_REG_3, 0,
                  !slot->block->live || slot->block->serial != slot->serial,
                  "a retired slot's buffer is over, and did not go to its origin");
    leave_slot(model, slot);
}

/* ---- the end of a run ---- */

static void release_slots(struct sri_model *model)
{
    struct sri_node *next;
    for (struct sri_node *node = model->helds.next; node != &model->helds; node = next) {
        struct sri_held *held = SRI_CONTAINER_OF(node, struct sri_held, node);
        next = node->next;
        bool has_slot = held->slot != NULL;
        for (uint32_t i = 0; i < held->part_count; i++)
            has_slot = has_slot || held->parts[i]->slot != NULL;
        if (!has_slot || held->handle == NULL)
            continue;
        sri_model_release(model, held);
        next = model->helds.next; /* a vector takes its parts with it */
    }
}

void sri_store_end_ring(struct sri_model *model)
{
    if (model->store.registry == NULL)
        return;
    release_slots(model);
    sri_store_judge_registry(model);
    sri_store_probe_close(model);
    sri_store_free_registry(model);
}

void sri_store_end(struct sri_model *model)
{
    for (uint32_t i = 0; i < SRI_BASINS; i++)
        sri_store_free_pool(model, i);
    struct sri_basin *own = &model->store.basins[SRI_OWN_BASIN];
    if (!own->live || model->ring != NULL || model->heap == NULL)
        return;
    uint64_t bytes = 0;
    uint64_t blocks = sri_heap_owed(model->heap, SRI_PURPOSE_RING, model->ring_serial, &bytes);
    sri_judge(model->verdict, SRI_RULE_POOL_5, 0, blocks == 0,
              "the last buffer of a closed ring's pool is back, and %llu blocks stay",
              (unsigned long long)blocks);
    own->live = false;
}
