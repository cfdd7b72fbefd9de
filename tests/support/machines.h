/*
 * All state machines of the library, once, for programs that draw or count them.
 */
#ifndef SR_TEST_MACHINES_H
#define SR_TEST_MACHINES_H

#include "base/machine.h"
#include "machine/member.h"
#include "machine/operation.h"
#include "machine/orphan.h"
#include "machine/ownership.h"
#include "machine/pool.h"
#include "machine/registry.h"

static const struct sri_machine *const machines[] = {
    &sri_ownership_machine, &sri_operation_machine, &sri_orphan_machine,
    &sri_member_machine,    &sri_pooled_machine,    &sri_place_machine,
};
#define MACHINES (sizeof machines / sizeof machines[0])

#endif
