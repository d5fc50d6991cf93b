/** The view of the members: changed in place, so that one change costs the same among many members. */
import type { NodeId } from '../ids.js'
import type { MemberRecord } from './protocol.js'
import { isAlive, nameOf } from './protocol.js'
import type { Member, State, View } from './state.js'

/** Where the member of that name is among the ready ones, or would be. */
const placeOf = (ready: readonly Member[], name: string): number => {
  let low = 0
  let high = ready.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((ready[middle] as Member).name < name) low = middle + 1
    else high = middle
  }
  return low
}

/** By the record: nodes that share a process see the same ones, and keep one member. */
const members = new WeakMap<MemberRecord, Member>()
const memberOf = (name: string, record: MemberRecord): Member => {
  const known = members.get(record)
  if (known !== undefined) return known
  const member = { ...record, name }
  members.set(record, member)
  return member
}

/** A view that says that something changed; the members in it are the same objects as before. */
export const nextView = ({ version, members, ready }: View): View => ({
  version: version + 1,
  members,
  ready,
})

/** Takes the last record of one name into the view; `before` is the node that it was, if it was a member. */
export const show = (
  state: State,
  { name, record }: { readonly name: string; readonly record: MemberRecord },
  before: NodeId | undefined,
): void => {
  const members = state.view.members as Map<NodeId, Member>
  const ready = state.view.ready as Member[]
  if (before !== undefined && (before !== record.node || !isAlive(record))) members.delete(before)
  const at = placeOf(ready, name)
  const isThere = ready[at]?.name === name
  const member = memberOf(name, record)
  if (isAlive(record)) members.set(record.node, member)
  if (record.status === 'ready') ready.splice(at, isThere ? 1 : 0, member)
  else if (isThere) ready.splice(at, 1)
}

/** Whether a name stands behind `from` and not behind `to`, in the ring of all names. */
const isBetween = (name: string, from: string, to: string): boolean =>
  from < to ? from < name && name <= to : from < name || name <= to

/** Whether the next two of this node can be others than before, after that name came, went or changed. */
const concernsNeighbours = (state: State, name: string): boolean => {
  const last = state.neighbours.at(-1)
  if (last === undefined || state.neighbours.length < 2 || name === state.self.name) return true
  return isBetween(name, state.self.name, nameOf(last))
}

/** The next two by node name are the ones that this node probes: each member has two that do. */
export const findNeighbours = (state: State, changed: string | null): void => {
  const { me, view, self } = state
  if (changed !== null && !concernsNeighbours(state, changed)) return
  // The two that come first, in the ring that begins behind this node's name.
  let first: Member | undefined
  let second: Member | undefined
  const isBefore = (a: Member, b: Member): boolean => {
    const isBehind = a.name > self.name
    return isBehind === b.name > self.name ? a.name < b.name : isBehind
  }
  for (const member of view.members.values()) {
    if (member.node === me || member.name === self.name || member.status === 'joining') continue
    if (first === undefined || isBefore(member, first)) {
      second = first
      first = member
    } else if (second === undefined || isBefore(member, second)) second = member
  }
  const isMember = me !== null && view.members.has(me)
  state.neighbours = isMember ? [first, second].flatMap((member) => member?.node ?? []) : []
}
