/** Declaring: what is made of it, and the sentence for each declaration that cannot be. */
import * as io from 'io-ts'
import t from 'tap'
import {
  answerTo,
  asked,
  behavior,
  disposable,
  id,
  inner,
  kind,
  message,
  mirrored,
  Misuse,
  next,
  nodeMessage,
  nodeProtocol,
  persisted,
  protocol,
  rebuilt,
  refuse,
  reply,
  topic,
} from '../../../lib/index.js'
import {
  behaviorData,
  checkOneProtocolPerName,
  dataOf,
  kindData,
  madeBy,
  outcomeData,
  sourceData,
  specIn,
  specOf,
  topicData,
} from '../../../lib/api/internal.js'
import { Club, club, Own } from '../../fixtures/api/club.js'

const CounterId = id('CounterId')
const Counter = protocol('counter', CounterId, {
  Add: message({ n: io.number }),
  Total: message().reads(io.number),
  Take: message({ n: io.number }).replies(io.number).refuses(io.literal('TOO_FEW')),
})
const on = {
  Add: (total: number, { n }: { readonly n: number }) => next(total + n),
  Total: (total: number) => total,
  Take: (total: number, { n }: { readonly n: number }) =>
    n > total ? refuse('TOO_FEW') : reply(total - n, total - n),
}
const counter = kind(Counter, { state: mirrored(io.number), init: () => 0, on })
const Gate = nodeProtocol('gate', {
  Open: nodeMessage<{ run: () => void }>(),
  Count: message().reads(io.number),
})

/** JavaScript knows no types: what the compiler refuses is refused here as well. */
const loose = (given: unknown): never => given as never

t.test('protocol – a constructor makes plain data', async (t) => {
  t.equal(JSON.stringify(Counter.Add({ n: 1 })), '{"kind":"counter","tag":"Add","payload":{"n":1}}')
  t.match(Counter.Total(), { kind: 'counter', tag: 'Total', payload: undefined })
  t.same(Counter.at(CounterId('a')), { kind: 'counter', id: 'a' })
  t.equal(Counter.Add.name, 'counter.Add')
  t.equal(Counter.kind, 'counter')
})

t.test('protocol – the runtime finds form, reach and codecs by tag', async (t) => {
  const forms = ['Add', 'Total', 'Take'].map((tag) => specOf(Counter, tag)?.form)
  t.same(forms, ['tell', 'read', 'ask'])
  t.equal(specOf(Counter, 'constructor'), undefined)
  t.equal(specOf(Counter, 'at'), undefined)
  t.equal(specOf(Own, 'Greeted')?.reach, 'self')
  t.equal(specOf(Own, 'Claimed')?.form, 'answer')
  t.match(specOf(Gate, 'Open'), { reach: 'node', payload: undefined })
  t.match(madeBy(Counter.Add), { kind: 'counter', tag: 'Add' })
  t.equal(
    madeBy(() => 1),
    undefined,
  )
  t.equal(specIn(Counter.Add({ n: 1 }) as never), specOf(Counter, 'Add'))
  t.equal(dataOf(Own).outer, dataOf(Club))
  t.throws(() => dataOf({}), { code: 'InvalidDeclaration', message: /^Expected a protocol made by/ })
})

t.test('protocol – names and tags that cannot be are refused in a sentence', async (t) => {
  const cases: readonly (readonly [() => unknown, string, RegExp])[] = [
    [() => protocol('a b', CounterId, {}), 'InvalidDeclaration', /1 to 63 letters/],
    [() => protocol('a.b', CounterId, {}), 'InvalidDeclaration', /"a\.b"/],
    [() => nodeProtocol('x', loose({ open: message() })), 'InvalidDeclaration', /x\.open: .*PascalCase/],
    [() => protocol('x', CounterId, loose({ At: nodeMessage() })), 'CannotTravel', /x\.At: .*nodeProtocol/],
    [() => inner(Counter, loose({ Add: message() })), 'InvalidDeclaration', /counter\.Add is declared twice/],
  ]
  for (const [declare, code, sentence] of cases) t.throws(declare, { code, message: sentence })
})

t.test('protocol – two of one name in one tree are refused, one in two places is not', async (t) => {
  const other = protocol('counter', CounterId, {})
  t.doesNotThrow(() => checkOneProtocolPerName([Counter, Club, Counter]))
  t.throws(() => checkOneProtocolPerName([Counter, Club, other]), {
    code: 'TwoProtocolsOfOneName',
    message: /Two protocols are named "counter" in one tree\. Rename one/,
  })
})

t.test('message – a codec that lets anything through is refused where it is declared', async (t) => {
  const cases: readonly (readonly [unknown, RegExp])[] = [
    [io.any, /message\.x: t\.any says nothing/],
    [io.unknown, /message\.x: t\.unknown/],
    [io.object, /message\.x: t\.object/],
    [io.UnknownArray, /message\.x: t\.UnknownArray/],
    [io.UnknownRecord, /message\.x: t\.UnknownRecord/],
    [io.Function, /message\.x: a function cannot travel/],
    [io.bigint, /message\.x: a bigint/],
    [io.type({ a: io.type({ b: io.any }) }), /message\.x\.a\.b: t\.any/],
    [io.partial({ a: io.array(io.any) }), /message\.x\.a\.\*: t\.any/],
    [io.tuple([io.string, io.any]), /message\.x\.1: t\.any/],
    [io.union([io.string, io.any]), /message\.x: t\.any/],
    [io.record(io.string, io.any), /message\.x\.\*: t\.any/],
    [io.readonly(io.any), /message\.x: t\.any/],
    [{}, /message\.x: expected an io-ts codec/],
    [undefined, /message\.x: expected an io-ts codec/],
  ]
  for (const [codec, sentence] of cases) t.throws(() => message({ x: loose(codec) }), { message: sentence })
  t.throws(() => message().replies(loose(io.any)), { message: /reply: t\.any/ })
  t.throws(() => message().reads(loose(io.any)), { message: /reply: t\.any/ })
  t.throws(() => message().replies().refuses(loose(io.any)), { message: /refusal: t\.any/ })
  t.throws(() => topic.cluster('x', loose(io.any)), { message: /topic x: t\.any/ })
  t.throws(() => mirrored(loose(io.any)), { message: /mirrored: t\.any/ })
  const Tree: io.Type<unknown, never> = io.recursion('Tree', (self) => io.type({ left: self }) as never)
  t.doesNotThrow(() => message({ x: loose(Tree) }))
})

t.test('answer – only an ask can be left open or continued', async (t) => {
  t.throws(() => asked(loose(Club.Greet)), { code: 'WrongForm' })
  t.throws(() => asked(Club.Members), { code: 'WrongForm', message: /never left open/ })
  t.throws(() => asked(loose(() => undefined)), { code: 'WrongForm' })
  t.throws(() => answerTo(Club.Join, { answer: io.string }), { message: /"answer" is taken/ })
})

t.test('kind – the runtime reads its parts, with defaults filled in', async (t) => {
  t.match(kindData(counter), {
    kind: 'counter',
    protocol: Counter,
    inner: undefined,
    activate: 'spawn',
    consistency: 'strict',
    limits: {},
    source: { type: 'mirrored', copies: 1, snapshotOnLeave: false },
  })
  t.equal(kindData(club).inner, dataOf(Own))
  const { Add } = kindData(counter).on
  t.equal(outcomeData(Add?.(1, { n: 2 }, {}))?.state, 3)
  t.throws(() => kindData({}), Misuse)
})

t.test('kind – a definition that cannot be is refused in a sentence', async (t) => {
  const state = mirrored(io.number)
  const define = (definition: object) => () =>
    kind(Counter, loose({ state, init: () => 0, on, ...definition }))
  const { Add, Total } = on
  t.throws(define({ on: { Add, Total } }), { message: '"counter" has no handler for Take.' })
  t.throws(define({ on: { ...on, Jump: Add } }), { message: /handles Jump, which is not declared/ })
  t.throws(define({ consistency: 'available' }), { message: /available, so it needs a merge/ })
  t.throws(define({ inner: Own }), { message: /inner belongs to another protocol/ })
  t.throws(() => kind(loose(Gate), loose({ on })), { message: /nodeProtocol: .*behavior/ })
  const cases: readonly (readonly [object, RegExp])[] = [
    [{ init: 0 }, /^"counter": init: expected a function/],
    [{ on: null }, /^"counter": on: expected an object/],
    [{ on: { ...on, Add: 1 } }, /^"counter": on\.Add: expected a function/],
    [{ state: 1 }, /^"counter": state: expected mirrored\(codec\)/],
    [{ stat: 1 }, /^"counter": "stat" is not an option; did you mean "state"\?/],
    [{ placementKey: 'x' }, /^"counter": placementKey: expected a function/],
    [{ remember: 1 }, /^"counter": remember: expected true, false, or nothing/],
    [{ consistency: 'maybe' }, /^"counter": consistency: expected 'strict' or 'available'/],
    [{ limits: 1 }, /^"counter": limits: expected an object/],
    [{ limits: { idle: 1 } }, /^"counter": limits: "idle" is not an option; did you mean "idleMs"\?/],
    [{ limits: { mailboxCountMax: 0 } }, /^"counter": limits\.mailboxCountMax: expected a whole number, 1/],
    [{ reminders: true, state: persisted(io.number) }, /is persisted, so its journal keeps its timers/],
  ]
  for (const [definition, sentence] of cases)
    t.throws(define(definition), { code: 'InvalidDeclaration', message: sentence })
  t.throws(() => kind(Counter, loose(null)), { message: /^"counter": expected a definition/ })
  t.throws(() => mirrored(io.number, { copies: 0 }), { message: /copies: .*1 to 4/ })
  t.throws(() => persisted(io.number, { snapshotEveryCount: 1.5 }), { message: /snapshotEveryCount/ })
})

t.test('kind – every source of state is data', async (t) => {
  t.match(sourceData(persisted(io.number) as never), { type: 'persisted', snapshotEveryCount: 100 })
  t.match(sourceData(rebuilt(async () => 1) as never), { type: 'rebuilt' })
  t.match(sourceData(disposable() as never), { type: 'disposable' })
})

const gateHandlers = { Open: (n: number) => next(n + 1), Count: (n: number) => n }

t.test('behavior – hears gives a new behavior', async (t) => {
  const Rang = topic.origin('rang', io.type({ bell: io.string }))
  const gate = behavior(Gate, { init: () => 0, on: gateHandlers })
  const hearing = gate.hears(Rang, (n, _, from) => next(from.isHere ? n + 1 : n))
  t.same(behaviorData(gate).hearers, [])
  t.match(behaviorData(hearing), { kind: 'gate', hearers: [{ topic: { name: 'rang', scope: 'origin' } }] })
  t.equal(behaviorData(hearing).onStop, undefined)
})

t.test('behavior – a definition that cannot be is refused in a sentence', async (t) => {
  t.throws(() => behavior(Gate, loose({ init: () => 0, on: {} })), { message: /no handler for Open/ })
  t.throws(() => behavior(loose(Counter), loose({ on })), { message: /has ids: .*kind\(…\)/ })
  t.throws(() => behaviorData(counter), { message: /goes into entities/ })
  const define = (definition: object) => () =>
    behavior(Gate, loose({ init: () => 0, on: gateHandlers, ...definition }))
  t.doesNotThrow(define({ onStop: undefined, mailbox: undefined, idleMs: 1 }))
  const cases: readonly (readonly [object, RegExp])[] = [
    [{ init: 0 }, /^"gate": init: expected a function that gives/],
    [{ on: null }, /^"gate": on: expected an object/],
    [{ on: { ...gateHandlers, Open: 1 } }, /^"gate": on\.Open: expected a function\.$/],
    [{ onStop: 1 }, /^"gate": onStop: expected a function/],
    [{ onExit: {} }, /^"gate": onExit: expected a function/],
    [{ onIdle: 'x', idleMs: 5 }, /^"gate": onIdle: expected a function/],
    [{ idleMs: 1.5 }, /^"gate": idleMs: expected milliseconds, a whole number/],
    [{ idleMs: Number.NaN }, /^"gate": idleMs: expected/],
    [{ mailbox: null }, /^"gate": mailbox: expected an object/],
    [{ mailbox: { countMx: 1 } }, /^"gate": mailbox: "countMx" is not an option; did you mean "countMax"\?/],
    [{ onStopp: () => undefined }, /^"gate": "onStopp" is not an option; did you mean "onStop"\?/],
  ]
  for (const [definition, sentence] of cases) {
    t.throws(define(definition), { code: 'InvalidDeclaration', message: sentence })
  }
  t.throws(() => behavior(Gate, loose(undefined)), {
    message: /^behavior\("gate", …\): expected a definition/,
  })
})

t.test('topic – scope and codec are data; a node topic has no codec', async (t) => {
  t.match(topicData(topic.cluster('a', io.string)), { name: 'a', scope: 'cluster', codec: io.string })
  t.match(topicData(topic.node('b')), { name: 'b', scope: 'node', codec: undefined })
  t.throws(() => topic.node('a.b'), { code: 'InvalidDeclaration' })
  t.throws(() => topicData({}), Misuse)
})
