/** What nodes ask each other about their entities: one question to all that run a kind, an answer of each. */
import * as E from 'fp-ts/lib/Either.js'
import * as t from 'io-ts'
import { Misuse } from '../../lib/api/misuse.js'
import type { EntitiesCount, EntitiesPage, ListOptions } from '../../lib/api/listing.js'
import type { Engine } from '../../lib/engine/engine.js'
import type { LocalAnswer } from '../../lib/engine/options.js'
import { AskFailed } from '../../lib/errors.js'
import { indexOfShard, type NodeId } from '../../lib/ids.js'
import type { Shard } from '../../lib/ownership/state.js'
import type { AskEnvelope, TellEnvelope, Wire } from '../../lib/wire/envelope.js'
import {
  type Answer,
  answerOf,
  beginning,
  bestOf,
  type OwnedShard,
  pageOf,
  type Position,
  positionOf,
  positionText,
} from './listing.js'
import { type RefHome, unsent } from './refs.js'

/** What answers such questions; no actor can have this name. */
export const inquiryKind = '$node'

const limitMax = 1_000
const limitDefault = 100

const index = t.number
const List = t.type({ kind: t.string, index, id: t.string, limit: t.number })
const Count = t.type({ kind: t.string })
const Listed = t.type({ rows: t.array(t.tuple([index, t.number, t.array(t.string)])), isAll: t.boolean })
const Counted = t.array(t.tuple([index, t.number, t.number]))

/** The shards of a kind that this node may act for. */
const ownedShards = function* (engine: Engine, kind: string): Iterable<Shard> {
  for (const shard of engine.ownership.shards.values())
    if (shard.kind === kind && engine.ownership.mayServe(shard)) yield shard
}
const liveIds = ({ copy }: Shard): string[] => {
  const ids: string[] = []
  for (const { id, life } of copy?.entities.values() ?? []) if (life === 'live') ids.push(id)
  return ids
}

/** Every member that runs the kind, this node too. */
export const hostsOf = (engine: Engine, kind: string): readonly NodeId[] =>
  [...engine.membership.view().members]
    .filter(
      ([node, { kinds, status }]) =>
        kinds.includes(kind) && status !== 'joining' && !engine.membership.isGone(node),
    )
    .map(([node]) => node)

/** Asks one node; `done` gets undefined when it did not answer in time. */
export const inquire = (
  engine: Engine,
  node: NodeId,
  question: { readonly tag: string; readonly payload: Wire; readonly timeoutMs: number },
  done: (answer: Wire | undefined) => void,
): void => {
  const { tag, payload, timeoutMs } = question
  engine.ask({ kind: inquiryKind, id: '', node }, { tag, payload }, { timeoutMs }, (result) =>
    done(result.tag === 'reply' ? result.payload : undefined),
  )
}

export class Inquiries {
  readonly #home: RefHome

  constructor(home: RefHome) {
    this.#home = home
  }

  /** Answers another node. False when the question is none of these. */
  answer({ tag, payload }: AskEnvelope | TellEnvelope, answer: LocalAnswer): boolean {
    const engine = this.#home.engine()
    if (engine === null) return false
    const list = tag === 'entities' ? List.decode(payload) : undefined
    if (list !== undefined && E.isRight(list)) {
      const { kind, index, id, limit } = list.right
      answer('reply', this.#list(engine, kind, { after: { index, id }, limit }) as unknown as Wire)
      return true
    }
    const count = tag === 'count' ? Count.decode(payload) : undefined
    if (count === undefined || E.isLeft(count)) return false
    const rows = [...ownedShards(engine, count.right.kind)].map(({ id, epoch }) => [
      indexOfShard(id),
      epoch,
      engine.entities.liveCountOf(id) ?? 0,
    ])
    answer('reply', rows)
    return true
  }

  #list(engine: Engine, kind: string, wanted: { readonly after: Position; readonly limit: number }): Answer {
    const owned: OwnedShard[] = []
    for (const shard of ownedShards(engine, kind))
      owned.push({ index: indexOfShard(shard.id), epoch: shard.epoch, ids: () => liveIds(shard) })
    return answerOf(owned, wanted, this.#home.config.payloadBytesMax / 2)
  }

  /** One page of the entities of a kind, from all members that run it. */
  async entities(kind: string, options: ListOptions): Promise<EntitiesPage<string>> {
    const { limit = limitDefault } = options
    if (!Number.isInteger(limit) || limit < 1 || limit > limitMax)
      throw new Misuse('WrongForm', `limit: expected a whole number from 1 to ${limitMax}, got ${limit}.`)
    const after = options.after === undefined ? beginning : positionOf(options.after)
    if (after === undefined)
      throw new Misuse('WrongForm', 'after: expected the next of the page before, or nothing.')
    const payload = { kind, ...after, limit }
    const { engine, answers, silent } = await this.#askAll(
      kind,
      { tag: 'entities', payload },
      Listed,
      options,
    )
    const { entities, next, best } = pageOf(answers, limit)
    const unowned = unownedIn(engine, kind, best, { from: after.index, to: next?.index })
    const unanswered = [...new Set([...silent, ...unowned])].sort()
    return { entities, ...(next === undefined ? {} : { next: positionText(next) }), unanswered }
  }

  /** How many there are, and where. */
  async count(kind: string, options: Pick<ListOptions, 'timeoutMs'>): Promise<EntitiesCount> {
    const question = { tag: 'count', payload: { kind } }
    const { engine, answers, silent } = await this.#askAll(kind, question, Counted, options)
    const best = bestOf(answers)
    const byNode: Record<string, number> = {}
    let total = 0
    for (const node of answers.keys()) byNode[node] = 0
    for (const { node, value } of best.values()) {
      byNode[node] = (byNode[node] ?? 0) + value
      total += value
    }
    const unowned = unownedIn(engine, kind, best, { from: 0, to: undefined })
    return { total, byNode, unanswered: [...new Set([...silent, ...unowned])].sort() }
  }

  #askAll<A>(
    kind: string,
    { tag, payload }: { readonly tag: string; readonly payload: Wire },
    codec: t.Type<A, unknown, unknown>,
    { timeoutMs = this.#home.config.askTimeoutMs }: Pick<ListOptions, 'timeoutMs'>,
  ): Promise<Answers<A>> {
    const engine = this.#home.engine()
    if (engine === null) return Promise.reject(new AskFailed(unsent(this.#home, `${kind}/`)))
    const hosts = hostsOf(engine, kind)
    if (hosts.length === 0) return Promise.reject(new AskFailed({ tag: 'UnknownKind', kind }))
    const answers = new Map<NodeId, A>()
    const silent: NodeId[] = []
    return new Promise((resolve) => {
      let open = hosts.length
      for (const node of hosts) {
        inquire(engine, node, { tag, payload, timeoutMs }, (wire) => {
          const answer = wire === undefined ? undefined : codec.decode(wire)
          if (answer !== undefined && E.isRight(answer)) answers.set(node, answer.right)
          else silent.push(node)
          if (--open === 0) resolve({ engine, answers, silent })
        })
      }
    })
  }
}

interface Answers<A> {
  readonly engine: Engine
  readonly answers: ReadonlyMap<NodeId, A>
  readonly silent: readonly NodeId[]
}

/** Who, by record, owns shards of this range of which nobody has spoken: they are between two owners. */
const unownedIn = (
  engine: Engine,
  kind: string,
  best: ReadonlyMap<number, unknown>,
  { from, to }: { readonly from: number; readonly to: number | undefined },
): readonly NodeId[] => {
  const owners = new Set<NodeId>()
  for (const [at, record] of engine.ownership.recordsOf(kind)) {
    if (at >= from && (to === undefined || at <= to) && !best.has(at)) owners.add(record.owner)
  }
  return [...owners]
}
