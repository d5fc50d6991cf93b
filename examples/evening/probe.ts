/** Inside a node that lives on: watches the entities of a node that was killed come back. */
import type { AskOptions, TumenNode } from 'tumen'
import { Party, PartyId, PlayerId, PlayerSlot, Session } from 'tumen/actors'

export interface ProbeOrder {
  /** The incarnation that was killed, and when, in milliseconds since 1970. */
  readonly victim: string
  readonly killedAt: number
  /** Each party with the highest version and chat number that were acknowledged before. */
  readonly parties: readonly (readonly [name: string, version: number, chats: number])[]
  readonly players: readonly string[]
  readonly everyMs: number
  readonly forMs: number
}
export interface Probed {
  /** Entities whose record named the victim when it had been killed. */
  readonly affected: number
  /** Those that did not come back in time. */
  readonly missing: readonly string[]
  /** Answers that lacked an acknowledged change. */
  readonly stale: number
  /** From the kill to the first and to the last answer. */
  readonly firstMs: number | null
  readonly allMs: number | null
  /** From the kill to the answer of half of them. */
  readonly halfMs: number | null
  /** The last of them. */
  readonly last: string
  /** What each said when it was back: a party whether it is there, a slot its party, a session its socket. */
  readonly said: readonly (readonly [name: string, what: string | null])[]
}

interface Watched {
  readonly name: string
  readonly where: () => Where
  /** Resolves with what it says, or with undefined when an acknowledged change is not there. */
  readonly read: Read
  /** At the kill. */
  epoch: number
  openCount: number
  back: { readonly at: number; readonly what: string | null } | undefined
  /** Ends the reads that are still open. */
  readonly over: AbortController
}
type Where = ReturnType<TumenNode['where']>
type Read = (options: AskOptions) => Promise<string | null | undefined>

/**
 * A read that is open stands for the next ones: it is sent again as soon as the record changes. One more
 * every `everyMs`, whatever became of the others, would be 15 for each of 500 entities, sent to the node that
 * is just taking over: the watching would slow down what it watches.
 */
const openCountMax = 3
const readTimeoutMs = 300
const now = (): number => performance.timeOrigin + performance.now()

const watched = (name: string, where: () => Where, read: Read): Watched => ({
  name,
  where,
  read,
  epoch: where().epoch,
  openCount: 0,
  back: undefined,
  over: new AbortController(),
})

const candidates = (node: TumenNode, { parties, players }: ProbeOrder): Watched[] => [
  ...parties.map(([name, version, chats]) => {
    const id = PartyId(name)
    const read: Read = async (options) => {
      const view = await node.ref(Party, id).ask(Party.Info(), options)
      if (view === null) return null
      return view.version >= version && view.chats >= chats ? name : undefined
    }
    return watched(`party/${name}`, () => node.where(Party, id), read)
  }),
  ...players.flatMap((player) => {
    const id = PlayerId(player)
    const slot: Read = async (options) =>
      (await node.ref(PlayerSlot, id).ask(PlayerSlot.Current(), options)).party
    const session: Read = async (options) =>
      (await node.ref(Session, id).ask(Session.Where(), options)).session
    return [
      watched(`player-slot/${player}`, () => node.where(PlayerSlot, id), slot),
      watched(`session/${player}`, () => node.where(Session, id), session),
    ]
  }),
]

/**
 * Asks each affected entity every `everyMs` until it has answered at a new epoch with all that was
 * acknowledged, all of them at once.
 */
export const probe = async (node: TumenNode, order: ProbeOrder): Promise<Probed> => {
  const affected = candidates(node, order).filter(
    ({ where, epoch }) => epoch > 0 && where().owner === order.victim,
  )
  const until = order.killedAt + order.forMs
  let stale = 0
  const ask = async (one: Watched): Promise<void> => {
    one.openCount += 1
    try {
      const what = await one.read({ timeoutMs: readTimeoutMs, signal: one.over.signal })
      // The record of the new epoch may come here later than the answer that was given under it.
      if (one.back !== undefined || one.where().epoch <= one.epoch) return
      if (what === undefined) stale += 1
      else {
        one.back = { at: now(), what }
        one.over.abort()
      }
    } catch {
      // Not yet: the next ask follows.
    } finally {
      one.openCount -= 1
    }
  }
  await new Promise<void>((resolve) => {
    const tick = (): void => {
      const waiting = affected.filter(({ back }) => back === undefined)
      if (waiting.length === 0 || now() >= until) {
        clearInterval(timer)
        resolve()
        return
      }
      for (const one of waiting) if (one.openCount < openCountMax) void ask(one)
    }
    const timer = setInterval(tick, order.everyMs)
    tick()
  })
  const back = affected
    .flatMap(({ name, back }) =>
      back === undefined ? [] : [{ name, ms: Math.round(back.at - order.killedAt) }],
    )
    .sort((a, b) => a.ms - b.ms)
  const missing = affected.filter((one) => one.back === undefined).map(({ name }) => name)
  return {
    affected: affected.length,
    missing,
    stale,
    firstMs: back[0]?.ms ?? null,
    halfMs: back[Math.floor(affected.length / 2)]?.ms ?? null,
    allMs: missing.length > 0 ? null : (back.at(-1)?.ms ?? null),
    last: missing[0] ?? back.at(-1)?.name ?? '',
    said: affected.flatMap(({ name, back }) => (back === undefined ? [] : [[name, back.what] as const])),
  }
}
