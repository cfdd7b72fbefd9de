/*
 * The true kernel: io_uring's system calls, made directly. It must never call an exported function of liburing, which
 * would make the call itself, past this table.
 *
 * enter adds one load to the system call, and a ring may make the call itself (backend.h). The bookkeeping is a list of
 * notes, one per ring, without locks: rings of several threads may share one self, and a fork finds it whole.
 */
#include "backend/uring.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "backend/uring_call.h"
#include "backend/uring_messenger.h"
#include "base/alloc.h"

#define NOTE_FREE (-1)    /* not about a ring */
#define NOTE_FILLING (-2) /* taken, and not yet about a ring */
#define NO_EVENTFD (-1)

/* What is known of one ring. Notes are reused, and freed with the kernel only. */
struct note {
    struct note *next;
    _Atomic int ring;
    _Atomic int eventfd;
    uint32_t setup_flags;
};

struct uring {
    _Atomic(struct note *) notes;
    _Atomic int eventfds; /* how many notes hold one */
    _Atomic(struct sri_messenger *) messenger;
};

static struct note *note_of(struct uring *uring, int ring)
{
    for (struct note *note = atomic_load(&uring->notes); note != NULL; note = note->next)
        if (atomic_load(&note->ring) == ring)
            return note;
    return NULL;
}

/* A note nobody uses, marked as being filled; NULL when there is no memory. */
static struct note *claim_note(struct uring *uring)
{
    for (struct note *note = atomic_load(&uring->notes); note != NULL; note = note->next) {
        int free_mark = NOTE_FREE;
        if (atomic_compare_exchange_strong(&note->ring, &free_mark, NOTE_FILLING))
            return note;
    }
    struct note *note = sri_alloc_zero(1, sizeof *note);
    if (note == NULL)
        return NULL;
    atomic_init(&note->ring, NOTE_FILLING);
    atomic_init(&note->eventfd, NO_EVENTFD);
    note->next = atomic_load(&uring->notes);
    while (!atomic_compare_exchange_weak(&uring->notes, &note->next, note))
        ;
    return note;
}

static void drop_note(struct uring *uring, struct note *note)
{
    int eventfd_number = atomic_exchange(&note->eventfd, NO_EVENTFD);
    if (eventfd_number != NO_EVENTFD) {
        close(eventfd_number);
        atomic_fetch_sub(&uring->eventfds, 1);
    }
    atomic_store(&note->ring, NOTE_FREE);
}

static int uring_setup(void *self, uint32_t entries, struct io_uring_params *params)
{
    struct uring *uring = self;
    struct note *note = claim_note(uring);
    if (note == NULL)
        return -ENOMEM;
    int ring = sri_uring_setup(entries, params);
    if (ring < 0) {
        drop_note(uring, note);
        return ring;
    }
    /* A ring that the program closed by itself left its note, and its number came back. */
    struct note *stale = note_of(uring, ring);
    if (stale != NULL)
        drop_note(uring, stale);
    note->setup_flags = params->flags;
    atomic_store(&note->ring, ring);
    return ring;
}

static int uring_map(void *self, int ring, uint64_t offset, size_t length, void **memory)
{
    (void)self;
    void *mapped = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, (off_t)offset);
    if (mapped == MAP_FAILED)
        return -errno;
    *memory = mapped;
    return 0;
}

static void uring_unmap(void *self, void *memory, size_t length)
{
    (void)self;
    munmap(memory, length);
}

/* Before the work, so that what comes after is signalled again; that may tell of a CQE the caller has just seen. */
static void lower_eventfd(struct uring *uring, int ring)
{
    struct note *note = note_of(uring, ring);
    if (note == NULL)
        return;
    int eventfd_number = atomic_load(&note->eventfd);
    if (eventfd_number == NO_EVENTFD)
        return;
    uint64_t count;
    ssize_t ignored = read(eventfd_number, &count, sizeof count);
    (void)ignored;
}

static int uring_enter(void *self, int ring, uint32_t to_submit, uint32_t min_complete, uint32_t flags,
                       const void *arg, size_t arg_size)
{
    struct uring *uring = self;
    if (__builtin_expect(atomic_load_explicit(&uring->eventfds, memory_order_relaxed) != 0, 0) &&
        (flags & IORING_ENTER_GETEVENTS) != 0)
        lower_eventfd(uring, ring);
    return sri_uring_enter(ring, to_submit, min_complete, flags, arg, arg_size);
}

static int uring_register(void *self, int ring, uint32_t opcode, void *arg, uint32_t count)
{
    (void)self;
    return sri_uring_register(ring, opcode, arg, count);
}

/* The descriptor of a DEFER_TASKRUN ring is not woken by work that arrives later (measured); a registered eventfd is. */
static int make_eventfd(struct uring *uring, struct note *note, int ring)
{
    int made = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (made < 0)
        return -errno;
    int rc = sri_uring_register(ring, IORING_REGISTER_EVENTFD, &made, 1);
    if (rc < 0) {
        close(made);
        return rc;
    }
    /* What arrived before it was registered is told by one signal too many. */
    uint64_t one = 1;
    ssize_t ignored = write(made, &one, sizeof one);
    (void)ignored;
    atomic_store(&note->eventfd, made);
    atomic_fetch_add(&uring->eventfds, 1);
    return made;
}

static int uring_pollable_fd(void *self, int ring)
{
    struct uring *uring = self;
    struct note *note = note_of(uring, ring);
    if (note == NULL)
        return -EBADF;
    if ((note->setup_flags & IORING_SETUP_DEFER_TASKRUN) == 0)
        return ring;
    int made = atomic_load(&note->eventfd);
    return made != NO_EVENTFD ? made : make_eventfd(uring, note, ring);
}

/* The messenger of this process: made at first use, and made again by a forked child. */
static int get_messenger(struct uring *uring, struct sri_messenger **out)
{
    struct sri_messenger *present = atomic_load(&uring->messenger);
    if (present != NULL && sri_messenger_is_ours(present)) {
        *out = present;
        return 0;
    }
    struct sri_messenger *made;
    int rc = sri_messenger_new(&made);
    if (rc < 0)
        return rc;
    if (!atomic_compare_exchange_strong(&uring->messenger, &present, made)) {
        sri_messenger_free(made); /* another thread was faster, and `present` is now what it made */
        *out = present;
        return 0;
    }
    sri_messenger_inherit(made, present);
    *out = made;
    return 0;
}

static int uring_wake(void *self, int ring, uint64_t user_data)
{
    struct sri_messenger *messenger;
    int rc = get_messenger(self, &messenger);
    if (rc < 0)
        return rc;
    return sri_messenger_send(messenger, ring, user_data);
}

static uint64_t uring_now_ns(void *self)
{
    (void)self;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

static int uring_close(void *self, int descriptor)
{
    struct uring *uring = self;
    struct note *note = descriptor >= 0 ? note_of(uring, descriptor) : NULL;
    if (note != NULL)
        drop_note(uring, note);
    /* An interrupted close(2) has closed on Linux. */
    return close(descriptor) == 0 || errno == EINTR ? 0 : -errno;
}

static void uring_release(void *self)
{
    struct uring *uring = self;
    struct note *note = atomic_load(&uring->notes);
    while (note != NULL) {
        struct note *next = note->next;
        drop_note(uring, note);
        sri_free(note);
        note = next;
    }
    sri_messenger_free(atomic_load(&uring->messenger));
    sri_free(uring);
}

static const struct sr_backend_vtable uring_vtable = {
    .version = SR_BACKEND_VERSION,
    .name = "uring",
    .setup = uring_setup,
    .map = uring_map,
    .unmap = uring_unmap,
    .enter = uring_enter,
    .enter_is_system_call = true,
    .register_ = uring_register,
    .pollable_fd = uring_pollable_fd,
    .wake = uring_wake,
    .now_ns = uring_now_ns,
    .close = uring_close,
    .release = uring_release,
};

int sri_uring_backend(struct sr_backend *out)
{
    struct uring *uring = sri_alloc_zero(1, sizeof *uring);
    if (uring == NULL)
        return -ENOMEM;
    atomic_init(&uring->notes, NULL);
    atomic_init(&uring->eventfds, 0);
    atomic_init(&uring->messenger, NULL);
    out->vtable = &uring_vtable;
    out->self = uring;
    return 0;
}
