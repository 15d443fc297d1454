"""What support rules imply: units that must be in, units that must be out, and contradictions.

`rules` is `constraints.Tables`: row i of the requirements says that unit ``child[i]`` needs one of
``need[need_ptr[i]:need_ptr[i + 1]]``; row i of the limits says that at most ``quota[i]`` of the sets
``set_ptr[i]:set_ptr[i + 1]`` may be used, set s being the units ``unit[unit_ptr[s]:unit_ptr[s + 1]]``. A state holds 1
for a unit that is in, -1 for one that is out and 0 for one that is free.
"""

from .compiled import inner, kernel


@kernel
def propagate(state, rules):
    """Decide in place what follows from the rules, to the fixpoint; False on a contradiction.

    A requirement of which all parents are out puts the child out, and with the child in and one parent left puts that
    parent in. A limit whose sets are used up puts the other sets out.
    """
    while True:
        met, moved = require(state, rules)
        if not met:
            return False
        kept, ended = restrict(state, rules)
        if not kept:
            return False
        if not (moved or ended):
            return True


@inner
def follow(state, rules):
    """`propagate`, or nothing where `rules` is None: what is never called is not compiled."""
    if rules is None:
        return True
    return propagate(state, rules)


@kernel
def require(state, rules):
    """One pass over the requirements: (no contradiction, something was decided)."""
    moved = False
    for i in range(rules.child.size):
        child = rules.child[i]
        if state[child] < 0:
            continue
        free, last, met = 0, -1, False
        for t in range(rules.need_ptr[i], rules.need_ptr[i + 1]):
            parent = rules.need[t]
            if state[parent] > 0:
                met = True
                break
            if state[parent] == 0:
                free, last = free + 1, parent
        if met or (free > 0 and state[child] == 0) or free > 1:
            continue
        if free == 1:
            state[last] = 1
        elif state[child] > 0:
            return False, moved
        else:
            state[child] = -1
        moved = True
    return True, moved


@kernel
def restrict(state, rules):
    """One pass over the limits: (no contradiction, something was decided)."""
    moved = False
    for i in range(rules.quota.size):
        used = 0
        for s in range(rules.set_ptr[i], rules.set_ptr[i + 1]):
            used += is_used(state, rules, s)
        if used > rules.quota[i]:
            return False, moved
        if used < rules.quota[i]:
            continue
        for s in range(rules.set_ptr[i], rules.set_ptr[i + 1]):
            if is_used(state, rules, s):
                continue
            for t in range(rules.unit_ptr[s], rules.unit_ptr[s + 1]):
                if state[rules.unit[t]] == 0:
                    state[rules.unit[t]] = -1
                    moved = True
    return True, moved


@kernel
def is_used(state, rules, s):
    """Whether a unit of the set is in."""
    used = False
    for t in range(rules.unit_ptr[s], rules.unit_ptr[s + 1]):
        used = used or state[rules.unit[t]] > 0
    return used


@kernel
def unmet(state, rules):
    """First requirement whose child is in while none of its parents is; -1 if there is none."""
    for i in range(rules.child.size):
        if state[rules.child[i]] <= 0:
            continue
        met = False
        for t in range(rules.need_ptr[i], rules.need_ptr[i + 1]):
            met = met or state[rules.need[t]] > 0
        if not met:
            return i
    return -1


@kernel
def entrants(state, rules, count, allowed):
    """Set `allowed[u]` to whether the units that are in make, together with u, a support that the rules allow.

    What is not in counts as out. The units that are in need not be allowed themselves: u may be what they lack.
    `count` is scratch of one integer a unit.
    """
    for u in range(state.size):
        allowed[u] = state[u] <= 0
        count[u] = 0
    lacking = 0
    for i in range(rules.child.size):
        met = False
        for t in range(rules.need_ptr[i], rules.need_ptr[i + 1]):
            met = met or state[rules.need[t]] > 0
        if met:
            continue
        if state[rules.child[i]] <= 0:
            allowed[rules.child[i]] = False
            continue
        lacking += 1
        for t in range(rules.need_ptr[i], rules.need_ptr[i + 1]):
            count[rules.need[t]] += 1
    for u in range(state.size):
        allowed[u] = allowed[u] and count[u] == lacking
        count[u] = 0
    for i in range(rules.quota.size):
        keep_limit(state, rules, i, count, allowed)


@kernel
def keep_limit(state, rules, i, count, allowed):
    """Take the units off `allowed` that would exceed limit i; `count` is zero before and after."""
    room = rules.quota[i]
    for s in range(rules.set_ptr[i], rules.set_ptr[i + 1]):
        if is_used(state, rules, s):
            room -= 1
            continue
        for t in range(rules.unit_ptr[s], rules.unit_ptr[s + 1]):
            count[rules.unit[t]] += 1
    if room < 0:
        allowed[:] = False
    for s in range(rules.set_ptr[i], rules.set_ptr[i + 1]):
        for t in range(rules.unit_ptr[s], rules.unit_ptr[s + 1]):
            if count[rules.unit[t]] > room:
                allowed[rules.unit[t]] = False
            count[rules.unit[t]] = 0
