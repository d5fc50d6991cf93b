/** Inside a node that lives on: watches the entities of a node that was killed come back. */
import type { TumenNode } from 'tumen'
import { Party, PartyId, PlayerId, PlayerSlot, Session } from 'tumen/actors'

export interface ProbeOrder {
  /** The incarnation that was killed, and when, in milliseconds since 1970. */
  readonly victim: string
  readonly killedAt: number
  /** Each party with the highest version that was acknowledged before. */
  readonly parties: readonly (readonly [name: string, version: number])[]
  readonly players: readonly string[]
  readonly everyMs: number
  readonly forMs: number
}
export interface Probed {
  /** Entities whose record named the victim. */
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
}

interface Watched {
  readonly name: string
  readonly owner: () => string | undefined
  /** Resolves with whether all acknowledged changes were there. */
  readonly read: (timeoutMs: number) => Promise<boolean>
  openCount: number
  backAt: number | undefined
}

const readTimeoutMs = 300
const openCountMax = 3
const now = (): number => performance.timeOrigin + performance.now()

const watched = (name: string, owner: () => string | undefined, read: Watched['read']): Watched => ({
  name,
  owner,
  read,
  openCount: 0,
  backAt: undefined,
})

const candidates = (node: TumenNode, { parties, players }: ProbeOrder): Watched[] => [
  ...parties.map(([name, version]) => {
    const id = PartyId(name)
    const read = async (timeoutMs: number): Promise<boolean> => {
      const view = await node.ref(Party, id).ask(Party.Info(), { timeoutMs })
      return view === null || view.version >= version
    }
    return watched(`party/${name}`, () => node.where(Party, id).owner, read)
  }),
  ...players.flatMap((player) => {
    const id = PlayerId(player)
    const slot = async (timeoutMs: number): Promise<boolean> =>
      (await node.ref(PlayerSlot, id).ask(PlayerSlot.Current(), { timeoutMs })) !== null
    const session = async (timeoutMs: number): Promise<boolean> =>
      (await node.ref(Session, id).ask(Session.Where(), { timeoutMs })) !== null
    return [
      watched(`player-slot/${player}`, () => node.where(PlayerSlot, id).owner, slot),
      watched(`session/${player}`, () => node.where(Session, id).owner, session),
    ]
  }),
]

/** Asks each affected entity again and again until it has answered, all of them at once. */
export const probe = async (node: TumenNode, order: ProbeOrder): Promise<Probed> => {
  const affected = candidates(node, order).filter(({ owner }) => owner() === order.victim)
  const until = order.killedAt + order.forMs
  let stale = 0
  const ask = async (one: Watched): Promise<void> => {
    one.openCount += 1
    try {
      const isComplete = await one.read(readTimeoutMs)
      // The victim cannot answer any more, so this came from the next owner, under its epoch.
      if (!isComplete) stale += 1
      else one.backAt ??= now()
    } catch {
      // Not yet: the next ask follows.
    } finally {
      one.openCount -= 1
    }
  }
  await new Promise<void>((resolve) => {
    const tick = (): void => {
      const waiting = affected.filter(({ backAt }) => backAt === undefined)
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
    .flatMap(({ name, backAt }) =>
      backAt === undefined ? [] : [{ name, ms: Math.round(backAt - order.killedAt) }],
    )
    .sort((a, b) => a.ms - b.ms)
  const missing = affected.filter(({ backAt }) => backAt === undefined).map(({ name }) => name)
  return {
    affected: affected.length,
    missing,
    stale,
    firstMs: back[0]?.ms ?? null,
    halfMs: back[Math.floor(affected.length / 2)]?.ms ?? null,
    allMs: missing.length > 0 ? null : (back.at(-1)?.ms ?? null),
    last: missing[0] ?? back.at(-1)?.name ?? '',
  }
}
