/**
 * The failures that callers can expect: a closed tagged family. Each has a code, a sentence that says what
 * to do next, and an anchor in docs/errors.md. Broken assumptions are not here: they throw and crash the
 * actor.
 */
import * as E from 'fp-ts/lib/Either.js'
import * as t from 'io-ts'
import { textOf, textOfThrown } from './std/text.js'

const address = t.string
const retrying = { address, retryAfterMs: t.number }
const AskErrorCodec = t.union([
  t.type({ tag: t.literal('AskTimeout'), address, timeoutMs: t.number }),
  t.intersection([t.type({ tag: t.literal('NoRecipient'), address }), t.partial({ child: t.string })]),
  t.intersection([
    t.type({ tag: t.literal('Overloaded'), address, mailboxCountMax: t.number, retryAfterMs: t.number }),
    t.partial({ windowBytes: t.number }),
  ]),
  t.type({ tag: t.literal('Unavailable'), ...retrying }),
  t.type({ tag: t.literal('StaleView'), ...retrying }),
  t.type({ tag: t.literal('UnknownOutcome'), address }),
  t.type({ tag: t.literal('StateLost'), address }),
  t.type({ tag: t.literal('PayloadTooLarge'), address, bytes: t.number, payloadBytesMax: t.number }),
  t.type({ tag: t.literal('UnknownKind'), kind: t.string }),
  t.intersection([
    t.type({ tag: t.literal('Crashed'), address, cause: t.unknown }),
    t.partial({ node: t.string, message: t.string, isStateKept: t.boolean, child: t.string }),
  ]),
  t.type({ tag: t.literal('Malformed'), address, complaints: t.array(t.string) }),
  t.type({ tag: t.literal('Cancelled'), address }),
  t.type({ tag: t.literal('NodeStopped'), address, node: t.string }),
])

/**
 * Why there is no reply. Closed, so a switch over `tag` is complete. `address` is written `kind/id`.
 *
 * Only `UnknownOutcome`, `AskTimeout`, `Crashed` and `Cancelled` leave open whether the actor acted; asking
 * again with the same `reqId` is then safe, because it is applied once.
 */
export type AskError =
  /** The deadline passed. `timeoutMs` is the whole time that was allowed. */
  | { readonly tag: 'AskTimeout'; readonly address: string; readonly timeoutMs: number }
  /** Nobody is there: the id was never spawned, has stopped, or the actor's incarnation ended. */
  | {
      readonly tag: 'NoRecipient'
      readonly address: string
      /**
       * What was to start, when its `init` said `ignore`: below `address` by `node.start`, or the kind of an
       * entity.
       */
      readonly child?: string
    }
  /** A limit was reached: the mailbox, the link to its node, or the asks that are open. */
  | {
      readonly tag: 'Overloaded'
      readonly address: string
      readonly mailboxCountMax: number
      readonly retryAfterMs: number
      /** Its node has not taken so many bytes that were sent to it: `linkWindowBytes`. */
      readonly windowBytes?: number
    }
  /** Its owner cannot serve at the moment: cut off from the records, starting, or being handed over. */
  | { readonly tag: 'Unavailable'; readonly address: string; readonly retryAfterMs: number }
  /** The message met a node that no longer owns the entity, twice: this node's view was behind. */
  | { readonly tag: 'StaleView'; readonly address: string; readonly retryAfterMs: number }
  /** The node that had the message, or a write of it that was under way, went away before it answered. */
  | { readonly tag: 'UnknownOutcome'; readonly address: string }
  /**
   * Every node with a copy of the entity's state is gone. Said once, to the first ask; then it begins anew.
   */
  | { readonly tag: 'StateLost'; readonly address: string }
  /** The encoded message is larger than a message may be. Nothing was sent. */
  | {
      readonly tag: 'PayloadTooLarge'
      readonly address: string
      readonly bytes: number
      readonly payloadBytesMax: number
    }
  /** No ready node has this kind in its tree. */
  | { readonly tag: 'UnknownKind'; readonly kind: string }
  /** The actor threw while it handled the message; its supervisor decides what follows. */
  | {
      readonly tag: 'Crashed'
      readonly address: string
      readonly cause: unknown
      /** Where it crashed; absent when that is this node. */
      readonly node?: string
      /** The tag of the message that it crashed on. */
      readonly message?: string
      /** True for an entity: its state is what it was before the message. */
      readonly isStateKept?: boolean
      /** What `node.start` was to start below `address`, when its `init` threw. */
      readonly child?: string
    }
  /**
   * The message or its reply does not fit its codec. The complaints name fields and expectations, never
   * values.
   */
  | { readonly tag: 'Malformed'; readonly address: string; readonly complaints: readonly string[] }
  /** The caller's own signal was aborted. */
  | { readonly tag: 'Cancelled'; readonly address: string }
  /** The node that was to send it has been stopped, for good. Nothing was sent. */
  | { readonly tag: 'NodeStopped'; readonly address: string; readonly node: string }

/** A "no" of the domain, as the message declares it. The actor's state is what it was before. */
export interface Refused<X> {
  readonly tag: 'Refused'
  readonly address: string
  /** The tag of the message that was refused. */
  readonly message: string
  readonly refusal: X
}

const seconds = (ms: number): string => (ms < 10_000 ? `${ms} ms` : `${ms / 1_000} s`)
const retry = (e: { readonly retryAfterMs: number }): string => `Ask again after ${seconds(e.retryAfterMs)}.`
/** The cause of a crash as it may travel to another node. */
export const causeAsText = (thrown: unknown): string => textOf(thrown)

/** With one mark at its end, whoever wrote it. */
const ended = (text: string): string => (/[.!?…]$/.test(text) ? text : `${text}.`)

type CrashedError = Extract<AskError, { readonly tag: 'Crashed' }>
const crashedSentence = (e: CrashedError): string =>
  `${e.address} crashed${e.node === undefined ? '' : ` on ${e.node}`} while it handled ` +
  `${e.message ?? 'the message'}: ${ended(textOfThrown(e.cause))} ` +
  (e.isStateKept === true
    ? 'Its state is what it was before. The same message will crash it again: mend its handler. '
    : 'Its supervisor decides what follows. ') +
  `${e.node === undefined ? 'node.listen' : `node.listen on ${e.node}`} tells each crash with its error.`
const notStartedSentence = (child: string, { address, cause }: CrashedError): string =>
  `The ${child} that was to start under the supervisor "${address}" did not: ${ended(textOfThrown(cause))} ` +
  'Nothing of it runs: mend its init, or what that needs, and start it again.'

type Sentences = {
  readonly [K in AskError['tag']]: (error: Extract<AskError, { readonly tag: K }>) => string
}
const sentences: Sentences = {
  AskTimeout: (e) =>
    `${e.address} did not answer within ${seconds(e.timeoutMs)}. It may still act: ` +
    'ask again with the same reqId, or allow a longer timeoutMs.',
  NoRecipient: (e) => {
    if (e.child !== undefined && e.address.startsWith(`${e.child}/`))
      return `${e.address} was not started: the init of its kind said ignore for this id.`
    if (e.child !== undefined)
      return (
        `No ${e.child} was started under the supervisor "${e.address}": its init said ignore, or it ended ` +
        'at once. Start it when it has something to do.'
      )
    return e.address.endsWith('/')
      ? `The actor ${e.address.slice(0, -1)} of this node has stopped: node.tree() tells what runs.`
      : `Nobody is at ${e.address}. Spawn it first, or declare its kind with activate: 'first-message'.`
  },
  Overloaded: (e) => {
    if (e.windowBytes !== undefined)
      return (
        `The node of ${e.address} takes no more at the moment: ${e.windowBytes} bytes are on their way ` +
        `to it. ${retry(e)} If it stays so, look at what keeps that node busy, or raise linkWindowBytes.`
      )
    return (
      `${e.address} takes no more messages: ${e.mailboxCountMax} are waiting. ${retry(e)} ` +
      'If it stays so, spread the load over more ids.'
    )
  },
  Unavailable: (e) => `${e.address} cannot be served at the moment; its state is kept. ${retry(e)}`,
  StaleView: (e) => `${e.address} moved to another node while the message was on its way. ${retry(e)}`,
  UnknownOutcome: (e) =>
    `What ran ${e.address} went away before it answered, or its write was not confirmed. ` +
    'Ask again with the same reqId: it is applied once.',
  StateLost: (e) =>
    `Every copy of the state of ${e.address} is gone, so it begins anew with the next message. ` +
    'Set it up again, and give its kind more copies or a persisted source.',
  PayloadTooLarge: (e) =>
    `The message to ${e.address} is ${e.bytes} bytes, more than payloadBytesMax (${e.payloadBytesMax}). ` +
    'Send less at once, or raise payloadBytesMax on all nodes.',
  UnknownKind: (e) =>
    `No ready node has the kind "${e.kind}" in its tree. ` +
    'Add entities(…) of that kind to the tree of some node.',
  Crashed: (e) => (e.child === undefined ? crashedSentence(e) : notStartedSentence(e.child, e)),
  Malformed: (e) =>
    `A message to ${e.address}, or its reply, does not fit its codec: ${e.complaints.join('; ')}. ` +
    'Compare the protocol on both nodes.',
  Cancelled: (e) => `The caller gave up waiting for ${e.address}. It may still act.`,
  NodeStopped: (e) =>
    `Node ${e.node} has stopped, so nothing was sent to ${e.address}. ` +
    'Use a ref of a node that runs: one from before stop() stays dead, also when the node is started again.',
}

/** One sentence for people: what happened and what to do next. */
export const describe = (error: AskError | Refused<unknown>): string => {
  if (error.tag === 'Refused') {
    return `${error.address} refused ${error.message}: ${ended(textOfThrown(jsonOf(error.refusal)))}`
  }
  const sentence = sentences[error.tag] as (error: AskError) => string
  return sentence(error)
}
const jsonOf = (value: unknown): unknown => (typeof value === 'object' ? JSON.stringify(value) : value)

/** Where an error is explained. */
export const errorLink = (code: string): string => `docs/errors.md#${code.toLowerCase()}`

/** What the promise of an `ask`, `spawn` or `stop` rejects with. `message` is `describe(reason)`. */
export class AskFailed extends Error {
  override readonly name = 'AskFailed'
  readonly reason: AskError | Refused<unknown>
  /** The tag of the reason, for logs and metrics. */
  readonly code: (AskError | Refused<unknown>)['tag']
  readonly link: string
  constructor(reason: AskError | Refused<unknown>) {
    super(describe(reason), reason.tag === 'Crashed' ? { cause: reason.cause } : undefined)
    this.reason = reason
    this.code = reason.tag
    this.link = errorLink(reason.tag)
  }
}

/** Why a node does not start. */
export type StartCode =
  /** An option is missing, unknown or out of its range. */
  | 'InvalidConfig'
  /**
   * The tree cannot be: two children of one name, two protocols of one kind, a significant permanent child.
   */
  | 'InvalidTree'
  /** No server could be reached, or it refused the credentials. */
  | 'NoNats'
  /** The server was reached but a permission or JetStream is missing. */
  | 'NatsNotUsable'
  /** The cluster runs another protocol version, shard count or preset. */
  | 'Incompatible'
  /** A living node has this name. */
  | 'NameTaken'
  /** A child of the tree threw while it started. */
  | 'ChildFailed'
  /** Membership or records did not answer in time. */
  | 'StartTimeout'

/** The same as a value, for `tumen/fp`. */
export interface StartError {
  readonly tag: StartCode
  /** What is wrong and what to do. */
  readonly sentence: string
  readonly cause?: unknown
}

/** What `startNode` rejects with. Nothing of the node is left running. */
export class StartFailed extends Error {
  override readonly name = 'StartFailed'
  readonly code: StartCode
  /** What is wrong and what to do, in one sentence. */
  readonly sentence: string
  readonly link: string
  constructor(code: StartCode, sentence: string, cause?: unknown) {
    super(sentence, cause === undefined ? undefined : { cause })
    this.code = code
    this.sentence = sentence
    this.link = errorLink(code)
  }
}

type Flat = { readonly [key: string]: string | number | boolean | readonly string[] }

/** As it travels between nodes. A cause travels as text. */
export const encodeAskError = (error: AskError): Flat =>
  error.tag === 'Crashed' ? { ...error, cause: textOfThrown(error.cause) } : error

/** The left is what a newer or broken node sent instead of an error of this family. */
export const decodeAskError = (wire: unknown): E.Either<string, AskError> =>
  E.mapLeft(() => 'expected an error of the family AskError')(AskErrorCodec.decode(wire))
