/** What a test expects of its actors, in the cluster's own time. */
import type { NodeEvent } from '../../lib/api/node-event.js'
import { madeBy } from '../../lib/api/maker.js'
import { Misuse, notDeclared } from '../../lib/api/misuse.js'
import type { TumenNode } from '../../lib/api/node-types.js'
import type { LocalRef } from '../../lib/api/refs.js'
import { AskFailed, describe } from '../../lib/errors.js'
import { ActorSteps } from '../../lib/kernel/actor-steps.js'
import { LocalActorRef } from '../../lib/kernel/local-ref.js'
import { pendingTimers } from '../../lib/kernel/timers.js'
import type { Probe, Received } from './probe.js'

/** An expectation did not come true; the message says what happened instead. */
export class ExpectationFailed extends Error {
  override readonly name = 'ExpectationFailed'
}

export interface ExpectOptions {
  /** Milliseconds of the cluster's time that it may take. Default 0: it is due at this very moment. */
  readonly withinMs?: number
}

/** The clock of a test, as far as an expectation needs one. */
export interface Passing {
  /** Lets time pass until `holds`, at most `withinMs`; false when it does not by then. */
  until(holds: () => boolean, withinMs: number): Promise<boolean>
}

const shownCountMax = 20

const show = (value: unknown): string => {
  const text = JSON.stringify(value, (_, each: unknown) =>
    each instanceof Error ? `${each.name}: ${each.message}` : typeof each === 'bigint' ? `${each}n` : each,
  )
  return text === undefined ? String(value) : text.slice(0, 500)
}

/** Every field that is expected is there and equal; more may be there. */
const fits = (expected: unknown, actual: unknown): boolean => {
  if (Object.is(expected, actual)) return true
  if (expected instanceof RegExp) return typeof actual === 'string' && expected.test(actual)
  if (typeof expected !== 'object' || expected === null || typeof actual !== 'object' || actual === null)
    return false
  if (Array.isArray(expected) && (!Array.isArray(actual) || expected.length !== actual.length)) return false
  return Object.entries(expected).every(([key, value]) =>
    fits(value, (actual as Record<string, unknown>)[key]),
  )
}

const listed = (what: readonly unknown[], none: string): string =>
  what.length === 0
    ? none
    : what
        .slice(-shownCountMax)
        .map((each) => `\n  ${show(each)}`)
        .join('')

const tagOf = (make: unknown): string => {
  const made = madeBy(make)
  if (made === undefined) throw notDeclared('the constructor of a message, such as Party.Joined')
  return made.tag
}

/** What `until` takes in time; with anything else an expectation could hold because nothing was looked at. */
const within = ({ withinMs = 0 }: ExpectOptions): number => {
  if (Number.isFinite(withinMs) && withinMs >= 0) return withinMs
  throw new Misuse(
    'WrongForm',
    `withinMs: expected milliseconds of the cluster's time, 0 or more, got ${String(withinMs)}.`,
  )
}

/** The expectations of one test. */
export interface Expectations {
  /**
   * The next message to `probe` that was not expected yet is of this kind, with these fields at least; a
   * regular expression stands for a text. Gives the message.
   */
  message(
    probe: Probe,
    make: (payload: never) => object,
    fields?: object,
    options?: ExpectOptions,
  ): Promise<Received>
  /** Nothing more comes to `probe` for so long. */
  noMessage(probe: Probe, options?: ExpectOptions): Promise<void>
  /** The ask is answered with this reply. */
  reply(ask: Promise<unknown>, reply: unknown, options?: ExpectOptions): Promise<void>
  /** The ask fails, with a reason that has these fields at least, such as `{ tag: 'Crashed' }`. */
  failure(ask: Promise<unknown>, reason: object, options?: ExpectOptions): Promise<void>
  /** The actor has set a timer for this message, under this name or to ring in so many milliseconds. */
  timer(
    ref: LocalRef<string>,
    make: (payload: never) => object,
    fields?: { readonly name?: string; readonly inMs?: number },
  ): void
  /** Since the node was started, or since the last one expected of it, this has happened on it. */
  event(node: TumenNode, tag: string, fields?: object, options?: ExpectOptions): Promise<NodeEvent>
}

/** How an ask ended. */
type Ended = { readonly reply: unknown } | { readonly failure: unknown }

const ending = (ended: Ended | undefined): string => {
  if (ended === undefined) return 'no answer came'
  if ('reply' in ended) return `the reply was ${show(ended.reply)}`
  const { failure } = ended
  return failure instanceof AskFailed
    ? `it failed: ${describe(failure.reason)}`
    : `it failed: ${String(failure)}`
}

export class Expecting implements Expectations {
  private readonly takenCounts = new Map<Probe, number>()
  private readonly events = new Map<TumenNode, NodeEvent[]>()

  constructor(private readonly time: Passing) {}

  /** From now on its events are kept, to be expected. */
  watch(node: TumenNode): void {
    const seen: NodeEvent[] = []
    this.events.set(node, seen)
    node.listen((event) => seen.push(event))
  }

  async message(
    probe: Probe,
    make: (payload: never) => object,
    fields: object = {},
    options: ExpectOptions = {},
  ): Promise<Received> {
    const withinMs = within(options)
    const tag = tagOf(make)
    const taken = this.takenCounts.get(probe) ?? 0
    await this.time.until(() => probe.messages.length > taken, withinMs)
    const received = probe.messages[taken]
    if (received?.tag === tag && fits(fields, received.payload)) {
      this.takenCounts.set(probe, taken + 1)
      return received
    }
    const came = listed(probe.messages.slice(taken), ' nothing.')
    throw new ExpectationFailed(
      `Expected ${tag} ${show(fields)} within ${withinMs} ms; what came and was not expected yet:${came}`,
    )
  }

  async noMessage(probe: Probe, options: ExpectOptions = {}): Promise<void> {
    const withinMs = within(options)
    const taken = this.takenCounts.get(probe) ?? 0
    if (!(await this.time.until(() => probe.messages.length > taken, withinMs))) return
    const came = listed(probe.messages.slice(taken), '')
    throw new ExpectationFailed(`Expected no message for ${withinMs} ms; this came:${came}`)
  }

  async reply(ask: Promise<unknown>, reply: unknown, options: ExpectOptions = {}): Promise<void> {
    const withinMs = within(options)
    const ended = await this.ended(ask, withinMs)
    if (ended !== undefined && 'reply' in ended && fits(reply, ended.reply)) return
    throw new ExpectationFailed(
      `Expected the reply ${show(reply)} within ${withinMs} ms, but ${ending(ended)}`,
    )
  }

  async failure(ask: Promise<unknown>, reason: object, options: ExpectOptions = {}): Promise<void> {
    const withinMs = within(options)
    const ended = await this.ended(ask, withinMs)
    const failure = ended !== undefined && 'failure' in ended ? ended.failure : undefined
    if (failure instanceof AskFailed && fits(reason, failure.reason)) return
    throw new ExpectationFailed(
      `Expected a failure ${show(reason)} within ${withinMs} ms, but ${ending(ended)}`,
    )
  }

  async event(
    node: TumenNode,
    tag: string,
    fields: object = {},
    options: ExpectOptions = {},
  ): Promise<NodeEvent> {
    const withinMs = within(options)
    const seen = this.events.get(node) ?? []
    const place = (): number => seen.findIndex((event) => event.tag === tag && fits(fields, event.fields))
    if (await this.time.until(() => place() >= 0, withinMs)) {
      const [event] = seen.splice(0, place() + 1).slice(-1)
      if (event !== undefined) return event
    }
    const happened = listed(
      seen.map(({ sentence }) => sentence),
      ' nothing.',
    )
    throw new ExpectationFailed(
      `Expected ${tag} ${show(fields)} on ${node.id} within ${withinMs} ms; this happened:${happened}`,
    )
  }

  timer(ref: LocalRef<string>, make: (payload: never) => object, fields: object = {}): void {
    const tag = tagOf(make)
    const actor = LocalActorRef.actorOf(ref)
    if (!(actor instanceof ActorSteps)) throw notDeclared('a ref to an actor of a node of this process')
    const pending = pendingTimers(actor, actor.kernel.timers).map(({ name, message, inMs }) => ({
      tag: message.tag,
      name,
      inMs: Math.round(inMs),
    }))
    if (pending.some((timer) => fits({ tag, ...fields }, timer))) return
    throw new ExpectationFailed(
      `Expected a timer for ${tag} ${show(fields)}; pending are:${listed(pending, ' none.')}`,
    )
  }

  private async ended(ask: Promise<unknown>, withinMs: number): Promise<Ended | undefined> {
    let ended: Ended | undefined
    ask.then(
      (reply) => {
        ended = { reply }
      },
      (failure: unknown) => {
        ended = { failure }
      },
    )
    await this.time.until(() => ended !== undefined, withinMs)
    return ended
  }
}
