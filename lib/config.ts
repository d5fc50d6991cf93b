/**
 * Every knob of a node, in one table. A knob's name ends in its unit; whoever reads it takes it from the
 * resolved `Config`, so a default is written here and nowhere else.
 */
import * as E from 'fp-ts/lib/Either.js'
import * as t from 'io-ts'
import { namesInstead } from './std/names.js'

export { namesInstead, nearestName, sentenceOf } from './std/names.js'
import { moveKnobs } from './knobs/moves.js'

/**
 * How a cluster is built; it decides how long leases are. On three servers a new JetStream leader
 * takes 4 to 10 s.
 */
const presets = {
  'one-server': { leaseRenewMs: 1_000, leaseMs: 5_000 },
  'three-servers': { leaseRenewMs: 3_000, leaseMs: 15_000 },
} as const
export type Preset = keyof typeof presets

interface NumberKnob {
  readonly default: number
  readonly min: number
  readonly max: number
  /** What it is, and what gets better and worse when it grows. */
  readonly meaning: string
  /** Nodes with different values refuse each other when they meet. */
  readonly equalOnAllNodes?: true
}
interface FlagKnob {
  readonly default: boolean
  readonly meaning: string
}
interface ChoiceKnob {
  readonly default: string
  readonly oneOf: readonly string[]
  readonly meaning: string
}
export type Knob = NumberKnob | FlagKnob | ChoiceKnob

const minuteMs = 60_000
const dayMs = 24 * 60 * minuteMs

/** The table: name with unit → default, range, meaning. */
export const knobs = {
  preset: {
    default: 'one-server',
    oneOf: Object.keys(presets) as readonly Preset[],
    meaning:
      'Sets leaseMs and leaseRenewMs where they are not given: one nats-server, or three that replicate.',
  },
  shardCount: {
    default: 4_096,
    min: 1,
    max: 65_536,
    equalOnAllNodes: true,
    meaning: 'Groups of entities per kind, a power of two, ten per node or more. More cost more records.',
  },
  leaseMs: {
    default: presets['one-server'].leaseMs,
    min: 100,
    max: 10 * minuteMs,
    equalOnAllNodes: true,
    meaning: 'Silence after which a node may be declared dead. Longer forgives longer pauses.',
  },
  leaseRenewMs: {
    default: presets['one-server'].leaseRenewMs,
    min: 20,
    max: 5 * minuteMs,
    meaning: 'How often a node renews its lease. At most a third of leaseMs, so that two renewals may fail.',
  },
  leaseMarginMs: {
    default: 1_000,
    min: 10,
    max: minuteMs,
    equalOnAllNodes: true,
    meaning: 'How long before its lease ends a node freezes itself: covers two clocks that differ.',
  },
  probeMs: {
    default: 200,
    min: 10,
    max: minuteMs,
    meaning:
      'How often a node asks its neighbours whether they listen. Shorter finds a crashed process sooner.',
  },
  readLeaseMs: {
    default: 300,
    min: 10,
    max: 10_000,
    equalOnAllNodes: true,
    meaning:
      'How long an acknowledgement allows reads from the memory of the owner. A takeover waits for it.',
  },
  mirrorLateMs: {
    default: 700,
    min: 50,
    max: minuteMs,
    meaning: 'A mirror that is silent for this long leaves the in-sync set. Outputs wait until then.',
  },
  mirrorResendMs: {
    default: 100,
    min: 10,
    max: 10_000,
    meaning:
      'A mirror is sent again what it lost, or pinged, after this long; one that is slow is given longer.',
  },
  handoffMs: {
    default: 3_000,
    min: 100,
    max: minuteMs,
    meaning: 'How long one shard may take to move. After that its old owner goes on and tries again later.',
  },
  drainMs: {
    default: 10_000,
    min: 0,
    max: 10 * minuteMs,
    meaning:
      'How long a leaving node may take to hand over all it owns. What is left then is found by its mirrors.',
  },
  fillsCountMax: {
    default: 64,
    min: 1,
    max: 65_536,
    meaning: 'Mirrors that one node fills at the same time. More heal sooner and take more of the network.',
  },
  recordWritesCountMax: {
    default: 256,
    min: 1,
    max: 65_536,
    meaning: 'Record changes that one node has under way. More take over sooner and press the store harder.',
  },
  heldOutputsCountMax: {
    default: 10_000,
    min: 1,
    max: 10_000_000,
    meaning:
      'Outputs of one shard that may wait for its mirrors. Beyond it new messages are answered Overloaded.',
  },
  askTimeoutMs: {
    default: 5_000,
    min: 1,
    max: 60 * minuteMs,
    meaning: 'The deadline of an ask that names none.',
  },
  askTimeoutMsMax: {
    default: 60_000,
    min: 1,
    max: 60 * minuteMs,
    meaning: 'The longest deadline an ask may name. A longer one is shortened to it.',
  },
  askResendMs: {
    default: 250,
    min: 10,
    max: minuteMs,
    meaning: 'An ask without an answer is sent again after this long, then ever less often.',
  },
  pendingAsksCountMax: {
    default: 100_000,
    min: 1,
    max: 10_000_000,
    meaning: 'Asks of one node that wait for an answer. Beyond it an ask is answered Overloaded at once.',
  },
  commandResendMs: {
    default: 500,
    min: 10,
    max: minuteMs,
    meaning: 'A command without an answer is sent again after this long, and then ever less often.',
  },
  commandAttemptsCountMax: {
    default: 5,
    min: 1,
    max: 1_000,
    meaning:
      'Crashes of a receiver on one command before it comes back undeliverable. More outlast longer faults.',
  },
  commandKeepMs: {
    default: dayMs,
    min: 1_000,
    max: 30 * dayMs,
    meaning:
      'How long the answer to a command is remembered, so that one that is sent again late is applied once.',
  },
  commandsPendingCountMax: {
    default: 256,
    min: 1,
    max: 100_000,
    meaning: 'Commands of one entity without an answer. Beyond it its next message is answered Overloaded.',
  },
  monitorsCountMax: {
    default: 10_000,
    min: 1,
    max: 1_000_000,
    meaning:
      'Monitors across nodes: those set here, and those set elsewhere on what is here. Beyond it: none.',
  },
  monitorRenewMs: {
    default: 5_000,
    min: 100,
    max: 10 * minuteMs,
    meaning: 'How often a monitor across nodes is asked for again. Shorter repairs lost frames sooner.',
  },
  remindersCountMax: {
    default: 100,
    min: 1,
    max: 10_000,
    meaning: 'Reminders of one entity that are pending. A step that sets one more is a crash of that step.',
  },
  rememberedCountMax: {
    default: 1_000,
    min: 1,
    max: 1_000_000,
    meaning:
      'Remembered entities that one node starts per second after a loss. More are back sooner, at a cost.',
  },
  repliesCountMax: {
    default: 1_024,
    min: 1,
    max: 1_000_000,
    meaning: 'Replies one entity remembers, so that a repeated ask is applied once. Kept on its mirrors too.',
  },
  replyKeepMs: {
    default: 120_000,
    min: 1_000,
    max: dayMs,
    meaning: 'How long a reply is remembered. Longer than the longest ask and what may delay a repeated one.',
  },
  mailboxCountMax: {
    default: 1_000,
    min: 1,
    max: 10_000_000,
    meaning: 'Messages that may wait for one actor. Beyond it the sender sees Overloaded.',
  },
  turnCountMax: {
    default: 256,
    min: 1,
    max: 1_000_000,
    meaning: 'Messages one actor handles before its neighbours get their turn. More is faster and less fair.',
  },
  turnMs: {
    default: 5,
    min: 1,
    max: 1_000,
    meaning: 'How long all actors together run before sockets get their turn. Longer is faster.',
  },
  blockedLoopMs: {
    default: 200,
    min: 1,
    max: minuteMs,
    meaning: 'A message that keeps the event loop for this long is reported with its actor.',
  },
  sideCopyAfterMs: {
    default: 1_000,
    min: 0,
    max: 10 * minuteMs,
    meaning:
      'How long an owner is out of reach until others serve its available kinds too; at once while frozen.',
  },
  sideCopiesCountMax: {
    default: 65_536,
    min: 1,
    max: 1_000_000,
    meaning: 'Shards of available kinds that one node keeps a copy of its own of. Beyond it: Unavailable.',
  },
  mergesCountMax: {
    default: 64,
    min: 1,
    max: 65_536,
    meaning: 'Entities that one node hands over at the same time after a split. The others wait.',
  },
  idleMs: {
    default: 0,
    min: 0,
    max: 30 * dayMs,
    meaning:
      'An entity without a message for this long is put to sleep where its kind allows it; 0 means never.',
  },
  sourceMs: {
    default: 15_000,
    min: 100,
    max: 10 * minuteMs,
    meaning: 'How long one call to the source of a state may take, a function or the store of journals.',
  },
  sourceCallsCountMax: {
    default: 256,
    min: 1,
    max: 65_536,
    meaning: 'Calls of one node to the store of journals at the same time. More load the store harder.',
  },
  deadLettersCountMax: {
    default: 1_000,
    min: 0,
    max: 1_000_000,
    meaning: 'Latest dead letters kept for a look. All are counted; older ones are forgotten.',
  },
  deliveryHopsMax: {
    default: 1,
    min: 0,
    max: 4,
    meaning:
      'How often a message to an entity is passed on by a node that is not its owner. Beyond it: StaleView.',
  },
  payloadBytesMax: {
    default: 262_144,
    min: 1_024,
    max: 67_108_864,
    equalOnAllNodes: true,
    meaning: 'The longest encoded payload. A longer message is refused where it is sent.',
  },
  frameBytesMax: {
    default: 524_288,
    min: 4_096,
    max: 67_108_864,
    meaning: 'The longest frame between two nodes; at most what the NATS server takes.',
  },
  ...moveKnobs,
  linkWindowBytes: {
    default: 4_194_304,
    min: 65_536,
    max: 1_073_741_824,
    meaning:
      'Bytes on their way to one node, not taken yet. Beyond it: Overloaded. More bears longer round trips.',
  },
  diagnostics: {
    default: false,
    meaning: 'Freezes states and messages, so that a step that changes them throws there. Costs time.',
  },
} as const satisfies Readonly<Record<string, Knob>>

export type KnobName = keyof typeof knobs
type ValueOf<K extends Knob> = K extends ChoiceKnob
  ? K['oneOf'][number]
  : K extends NumberKnob
    ? number
    : boolean

/** A complete, checked set of knobs. */
export type Config = { readonly [N in KnobName]: ValueOf<(typeof knobs)[N]> }
/** What people give: any of the knobs. */
export type ConfigInput = { readonly [N in KnobName]?: Config[N] | undefined }

export const knobNames = Object.keys(knobs) as readonly KnobName[]

/** Knobs whose values must be the same on all nodes of a cluster. */
export const equalOnAllNodes: readonly KnobName[] = knobNames.filter(
  (name) => 'equalOnAllNodes' in knobs[name],
)

/** The unit at the end of a knob's name; empty for a flag. */
export const unitOf = (name: KnobName): string => {
  const unit = /(Ms|Bytes|Count|Hops)(Max)?$/.exec(name)?.[1]
  if (unit === undefined) return ''
  return { Ms: 'ms', Bytes: 'bytes', Count: 'count', Hops: 'hops' }[unit] ?? ''
}

/** What a value of it must be, such as `a whole number from 1 to 64`. */
export const expectation = (knob: Knob): string => {
  if ('min' in knob) return `a whole number from ${knob.min} to ${knob.max}`
  return 'oneOf' in knob ? `one of ${knob.oneOf.join(', ')}` : 'true or false'
}

const isValue = (knob: Knob, value: unknown): boolean => {
  if ('min' in knob) {
    return typeof value === 'number' && Number.isInteger(value) && value >= knob.min && value <= knob.max
  }
  return 'oneOf' in knob ? knob.oneOf.some((one) => one === value) : typeof value === 'boolean'
}

const complaintsAbout = (input: object): string[] =>
  Object.entries(input).flatMap(([key, value]) => {
    if (!Object.hasOwn(knobs, key)) {
      const name = key.slice(0, 80)
      return [`"${name}" is not a knob; ${namesInstead(name, knobNames, '"npx tumen config" lists them')}`]
    }
    const knob: Knob = knobs[key as KnobName]
    return value === undefined || isValue(knob, value) ? [] : [`${key}: expected ${expectation(knob)}`]
  })

/** The one codec of a configuration: unknown keys and values out of range fail, each with its sentence. */
export const configInput = new t.Type<ConfigInput, ConfigInput, unknown>(
  'ConfigInput',
  (value): value is ConfigInput =>
    typeof value === 'object' && value !== null && complaintsAbout(value).length === 0,
  (value, context) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      return t.failure(value, context, 'expected an object of knobs')
    }
    const complaints = complaintsAbout(value)
    if (complaints.length === 0) return t.success(value as ConfigInput)
    return t.failures(complaints.map((message) => ({ value: undefined, context, message })))
  },
  (config) => config,
)

/** Which knob must stand in which relation to which other. */
const relations: readonly (readonly [holds: (c: Config) => boolean, sentence: string])[] = [
  [(c) => (c.shardCount & (c.shardCount - 1)) === 0, 'shardCount: expected a power of two, such as 4096'],
  [(c) => c.leaseRenewMs * 3 <= c.leaseMs, 'leaseRenewMs: expected at most a third of leaseMs'],
  [
    (c) => c.leaseMarginMs + c.leaseRenewMs * 2 <= c.leaseMs,
    'leaseMarginMs: expected room for two renewals, at most leaseMs - 2 × leaseRenewMs',
  ],
  [(c) => c.probeMs < c.leaseMs, 'probeMs: expected less than leaseMs'],
  [(c) => c.readLeaseMs < c.leaseMs, 'readLeaseMs: expected less than leaseMs'],
  [
    (c) => c.mirrorResendMs * 2 <= c.readLeaseMs,
    'mirrorResendMs: expected at most half of readLeaseMs, so that a quiet owner keeps its read lease',
  ],
  [(c) => c.mirrorResendMs < c.mirrorLateMs, 'mirrorResendMs: expected less than mirrorLateMs'],
  [(c) => c.mirrorLateMs < c.leaseMs, 'mirrorLateMs: expected less than leaseMs'],
  [(c) => c.askTimeoutMs <= c.askTimeoutMsMax, 'askTimeoutMs: expected at most askTimeoutMsMax'],
  [
    (c) => c.replyKeepMs > c.askTimeoutMsMax,
    'replyKeepMs: expected more than askTimeoutMsMax, else a repeated ask could be applied twice',
  ],
  [
    (c) => c.payloadBytesMax + 1_024 <= c.frameBytesMax,
    'payloadBytesMax: expected at least 1024 less than frameBytesMax, so that a message fits into a frame',
  ],
  [
    (c) => c.frameBytesMax <= c.linkWindowBytes,
    'linkWindowBytes: expected at least frameBytesMax, so that a frame may be on its way',
  ],
]

const complete = (input: ConfigInput): Config => {
  const defaults = Object.fromEntries(knobNames.map((name) => [name, knobs[name].default]))
  const given = Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined))
  return { ...defaults, ...presets[input.preset ?? knobs.preset.default], ...given } as Config
}

/**
 * Completes and checks what people gave. What is absent or undefined takes its
 * preset's value, else its default.
 *
 * Errors: all complaints at once, each a sentence that names the knob and what was expected, never the value.
 */
export const resolveConfig = (input: unknown = {}): E.Either<readonly string[], Config> => {
  const decoded = configInput.decode(input)
  if (E.isLeft(decoded)) return E.left(decoded.left.map(({ message }) => message ?? 'not a configuration'))
  const config = complete(decoded.right)
  const broken = relations.filter(([holds]) => !holds(config)).map(([, sentence]) => sentence)
  return broken.length > 0 ? E.left(broken) : E.right(Object.freeze(config))
}

/** What a node runs with when nothing is said. */
export const defaultConfig: Config = Object.freeze(complete({}))
