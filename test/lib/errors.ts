import * as E from 'fp-ts/lib/Either.js'
import { readFileSync } from 'node:fs'
import t from 'tap'
import type { MisuseCode } from '../../lib/api/misuse.js'
import {
  AskFailed,
  decodeAskError,
  describe,
  encodeAskError,
  errorLink,
  StartFailed,
  type AskError,
  type StartCode,
} from '../../lib/errors.js'
import { decodeWire, encodeWire } from '../../lib/wire/codec.js'

const address = 'party/p1'
/** One of each tag: the type refuses a missing one. */
const samples: { readonly [K in AskError['tag']]: Extract<AskError, { readonly tag: K }> } = {
  AskTimeout: { tag: 'AskTimeout', address, timeoutMs: 500 },
  NoRecipient: { tag: 'NoRecipient', address },
  Overloaded: { tag: 'Overloaded', address, mailboxCountMax: 1_000, retryAfterMs: 50 },
  Unavailable: { tag: 'Unavailable', address, retryAfterMs: 15_000 },
  StaleView: { tag: 'StaleView', address, retryAfterMs: 20 },
  UnknownOutcome: { tag: 'UnknownOutcome', address },
  StateLost: { tag: 'StateLost', address },
  PayloadTooLarge: { tag: 'PayloadTooLarge', address, bytes: 2_000_000, payloadBytesMax: 1_000_000 },
  UnknownKind: { tag: 'UnknownKind', kind: 'party' },
  Crashed: { tag: 'Crashed', address, cause: 'boom' },
  Malformed: { tag: 'Malformed', address, complaints: ['text: expected string'] },
  Cancelled: { tag: 'Cancelled', address },
  NodeStopped: { tag: 'NodeStopped', address, node: 'n1' },
}
const all: readonly AskError[] = Object.values(samples)

t.test('errors – each is the same after it has travelled', async (t) => {
  for (const error of all) {
    const bytes = encodeWire(encodeAskError(error))
    if (E.isLeft(bytes)) throw new Error(bytes.left)
    const wire = decodeWire(bytes.right)
    t.strictSame(E.flatMap(wire, decodeAskError), E.right(error), error.tag)
  }
})

t.test('errors – a cause travels as text', async (t) => {
  const crashed: AskError = { tag: 'Crashed', address, cause: new Error('boom') }
  t.same(encodeAskError(crashed), { tag: 'Crashed', address, cause: 'boom' })
})

t.test('errors – what is not of the family is told apart', async (t) => {
  for (const wire of [
    undefined,
    'no',
    {},
    { tag: 'Later' },
    { tag: 'AskTimeout', address, timeoutMs: 'x' },
  ]) {
    t.ok(E.isLeft(decodeAskError(wire)))
  }
})

t.test('errors – each says in a sentence what happened and to whom', async (t) => {
  for (const error of all) {
    const sentence = describe(error)
    t.match(sentence, /^[A-Z].*\.$|^party\/p1 .*\.$/, error.tag)
    t.ok(sentence.includes(error.tag === 'UnknownKind' ? '"party"' : address), sentence)
    t.notMatch(sentence, /undefined|NaN|\[object/)
  }
  t.match(describe(samples.PayloadTooLarge), /2000000 bytes, more than payloadBytesMax \(1000000\)/)
  t.match(describe(samples.UnknownKind), /Add entities\(…\)/)
  t.match(describe(samples.Unavailable), /Ask again after 15 s/)
})

t.test('errors – AskFailed carries reason, code, sentence and link', async (t) => {
  const failed = new AskFailed(samples.AskTimeout)
  t.ok(failed instanceof Error)
  t.match(failed, { name: 'AskFailed', code: 'AskTimeout', link: 'docs/errors.md#asktimeout' })
  t.equal(failed.message, describe(samples.AskTimeout))
  const cause = new Error('boom')
  t.equal(new AskFailed({ tag: 'Crashed', address, cause }).cause, cause)
})

t.test('errors – a refusal is described with its value, which the domain has chosen', async (t) => {
  const failed = new AskFailed({ tag: 'Refused', address, message: 'Join', refusal: { code: 'FULL' } })
  t.equal(failed.message, 'party/p1 refused Join: {"code":"FULL"}.')
  t.equal(failed.code, 'Refused')
})

t.test('errors – StartFailed is a code and a sentence', async (t) => {
  const failed = new StartFailed(
    'NoNats',
    'No nats-server answers at 127.0.0.1:4222. Start one.',
    'ECONNREFUSED',
  )
  t.match(failed, {
    name: 'StartFailed',
    code: 'NoNats',
    cause: 'ECONNREFUSED',
    link: 'docs/errors.md#nonats',
    sentence: failed.message,
  })
})

/** All of them: the types refuse a missing one. */
const startCodes: Readonly<Record<StartCode, true>> = {
  InvalidConfig: true,
  InvalidTree: true,
  NoNats: true,
  NatsNotUsable: true,
  Incompatible: true,
  NameTaken: true,
  ChildFailed: true,
  StartTimeout: true,
}
const misuseCodes: Readonly<Record<MisuseCode, true>> = {
  NotACodec: true,
  CannotTravel: true,
  InvalidId: true,
  InvalidDeclaration: true,
  TwoProtocolsOfOneName: true,
  KindNotInTree: true,
  NodeMessageToRemote: true,
  WrongScope: true,
  WrongForm: true,
  StepReturnedPromise: true,
  StepReturnedNothing: true,
  StateMutated: true,
  StateDoesNotFit: true,
  MergeDoesNotCommute: true,
  BadInit: true,
  ReplyDoesNotFit: true,
  CallCycle: true,
  NodeStopped: true,
  ForeignMessage: true,
}

t.test('errors – every code has its place in docs/errors.md', async (t) => {
  const page = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8')
  const anchors = new Set([...page.matchAll(/^#+ (\w+)$/gm)].map(([, title]) => errorLink(title ?? '')))
  const codes = [samples, startCodes, misuseCodes].flatMap((table) => Object.keys(table))
  for (const code of [...codes, 'Refused']) t.ok(anchors.has(errorLink(code)), code)
})
