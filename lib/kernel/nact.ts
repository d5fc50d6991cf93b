/**
 * The only importer of nact. Each cell gets a nact actor: a name, a path, a parent, and a way in for plain
 * nact code, which can dispatch to it, query it, or spawn below it. Nothing of ours queues in nact, and nact
 * decides nothing: its reset family, its cascade of stops and its query are not used (see docs/decisions).
 */
import { type Ref, dispatch, spawn, start, stop } from 'nact'
// @ts-expect-error nact declares the types of its edge only
import systems from 'nact/lib/system-map.js'
import type { ActorHost, HostedActor, Hosts } from './host.js'

/** nact's own `dispatch`, for actors of others. */
export const nactDispatch = dispatch as (to: unknown, message: unknown, sender?: unknown) => void

/** What nact keeps behind a reference, or, without one, behind the name of a system. */
export const nactFind = (systemName: string, ref?: object): unknown =>
  (systems as { find(name: string, ref?: object): unknown }).find(systemName, ref)

interface Context {
  readonly self: Ref<unknown>
  readonly children: ReadonlyMap<string, Ref<unknown>>
  readonly sender: Ref<unknown> & { readonly type: 'actor' | 'temp' | 'system' | 'nobody' }
}
interface CrashContext extends Context {
  readonly stopChild: symbol
  readonly resume: symbol
}

/**
 * nact copies the map of children for every message, so a parent has few, and the others live in buckets
 * below it.
 */
const directCountMax = 256
const goodbye = Symbol('goodbye')

/** nact takes letters, digits and some signs; everything else becomes `$` and four hexadecimal digits. */
const nactName = (name: string): string =>
  name.replace(/[^A-Za-z0-9_.-]/g, (sign) => `$${sign.charCodeAt(0).toString(16).padStart(4, '0')}`)

/** Given to nact, which would make a function for each actor. */
const nothing = (): void => undefined

/** A throw in here would end the process, and any answer but these two would act on the wrong actor. */
const onCrash = (
  _: unknown,
  __: unknown,
  context: CrashContext,
  child: { name: string } | undefined,
): symbol => (child !== undefined && context.children.has(child.name) ? context.stopChild : context.resume)

const answerTo = (sender: Context['sender']): ((answer: unknown) => void) | undefined =>
  sender.type === 'temp' || sender.type === 'actor' ? (answer) => dispatch(sender, answer) : undefined

/** Runs inside nact, for what plain nact code dispatches. */
const receive = (place: Place, message: unknown, context: Context): Place => {
  if (message === goodbye) {
    for (const child of context.children.values()) stop(child)
    place.leave()
  } else {
    place.actor?.delivered(message, answerTo(context.sender))
  }
  return place
}

type Spawn = (parent: Ref<unknown>, fn: typeof receive, name: string, options: object) => Ref<unknown>

class Place implements HostedActor {
  private readonly nact: Ref<unknown>
  private isKnown = false
  private isStopping = false
  private count = 0
  private bucket: Place | undefined
  private readonly above: Place | undefined

  constructor(
    parent: Place | Ref<unknown>,
    name: string,
    readonly actor: Hosts | undefined,
    private readonly whenLeft?: () => void,
  ) {
    this.above = parent instanceof Place ? parent : undefined
    const under = parent instanceof Place ? parent.nact : parent
    const options = { initialState: this, onCrash, afterStop: nothing }
    this.nact = (spawn as unknown as Spawn)(under, receive, name, options)
    if (this.above !== undefined) this.above.count++
  }

  /** From now on plain nact code may live below it, so that leaving takes a message. */
  ref(): unknown {
    this.isKnown = true
    return this.nact
  }

  /** Where the next child belongs. */
  room(serial: number): Place {
    if (this.count < directCountMax) return this
    if (this.bucket === undefined || this.bucket.isStopping || this.bucket.count >= directCountMax) {
      this.bucket = new Place(this, `bucket!${serial}`, undefined)
    }
    return this.bucket
  }

  stop(): void {
    if (this.isStopping) return
    this.isStopping = true
    if (this.isKnown) dispatch(this.nact, goodbye)
    else if (this.count === 0) this.leave()
  }

  leave(): void {
    // A child that others knew leaves one turn later; nact finds an actor only while its parents are there.
    this.isKnown = false
    if (this.count > 0) return
    stop(this.nact)
    this.above?.left()
    this.whenLeft?.()
  }

  private left(): void {
    this.count--
    const isEmptyBucket = this.actor === undefined && this.above?.bucket !== this
    if (this.count === 0 && !this.isKnown && (this.isStopping || isEmptyBucket)) {
      this.isStopping = true
      this.leave()
    }
  }
}

/**
 * A nact system as host of a kernel's cells.
 *
 * Names get a serial number, because a nact reference is only a path: a stale one must not meet a
 * successor.
 *
 * Limits: what plain nact code spawned below an actor of ours is stopped with it, but nact gives no way to
 * stop what lives below that. A failing plain child that escalates is stopped.
 */
export const nactHost = (): ActorHost => {
  const system = start()
  const root = new Place(system, 'tumen', undefined, () => stop(system))
  let serial = 0
  return {
    spawn: (name, parent, actor) => {
      serial++
      const room = (parent instanceof Place ? parent : root).room(serial)
      return new Place(room, `${nactName(name)}!${serial}`, actor)
    },
    stop: () => {
      root.stop()
    },
  }
}
