import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import * as io from 'io-ts'
import t, { type Test } from 'tap'
import {
  AskFailed,
  entities,
  id,
  kind,
  message,
  mirrored,
  protocol,
  refuse,
  reply,
  supervisor,
  type AskError,
  type Ref,
  type TumenNode,
} from '../../lib/index.js'
import * as tumen from '../../supervisors/fp.js'

const PurseId = id('PurseId')
const Purse = protocol('purse', PurseId, {
  Put: message({ n: io.number }).replies(io.number),
  Take: message({ n: io.number }).replies(io.number).refuses(io.literal('TOO_FEW')),
})
const purse = kind(Purse, {
  state: mirrored(io.number),
  init: () => 0,
  on: {
    Put: (held, { n }) => reply(held + n, held + n),
    Take: (held, { n }) => (n > held ? refuse('TOO_FEW') : reply(held - n, held - n)),
  },
})
const tree = supervisor('root', {}, [entities(purse)])

const started = async (t: Test): Promise<TumenNode> => {
  const node = await tumen.startNode({ cluster: 'fp', tree })()
  if (E.isLeft(node)) throw new Error(node.left.sentence)
  t.teardown(() => node.right.stop())
  return node.right
}

t.test('fp – verbs compose, data last, and nothing rejects', async (t) => {
  const node = await started(t)
  const p1 = PurseId('p1')
  const held = pipe(
    node,
    tumen.spawn(purse, p1),
    TE.flatMap(({ ref }) => pipe(ref, tumen.ask(Purse.Put({ n: 5 }), { timeoutMs: 2_000 }))),
  )
  t.same(await held(), E.right(5))
  const took = await pipe(node.ref(Purse, p1), tumen.ask(Purse.Take({ n: 9 })))()
  t.same(took, E.left({ tag: 'Refused', address: 'purse/p1', message: 'Take', refusal: 'TOO_FEW' }))
  const nobody = await pipe(node.ref(Purse, PurseId('p2')), tumen.ask(Purse.Take({ n: 1 })))()
  t.same(nobody, E.left({ tag: 'NoRecipient', address: 'purse/p2' }))
})

t.test(
  'fp – a task is lazy: each run is an ask of its own, unless it says that it is the same',
  async (t) => {
    const node = await started(t)
    const ref = (await node.spawn(purse, PurseId('p3'))).ref
    const put = pipe(ref, tumen.ask(Purse.Put({ n: 1 })))
    t.same([await put(), await put()], [E.right(1), E.right(2)])
    const once = pipe(ref, tumen.ask(Purse.Put({ n: 1 }), { reqId: 'r1' }))
    t.same([await once(), await once()], [E.right(3), E.right(3)])
  },
)

t.test('fp – a node that cannot start is a left with its sentence', async (t) => {
  const left = await tumen.startNode({ cluster: 'no such name', tree })()
  t.match(left, E.left({ tag: 'InvalidConfig', sentence: /cluster: expected a name/ }))
})

t.test('fp – what is no expected failure stays a rejection', async (t) => {
  const rejecting = (error: unknown) => ({ ask: () => Promise.reject(error) }) as unknown as Ref<'purse'>
  const asking = tumen.ask(Purse.Put({ n: 1 }))
  const lost: AskError = { tag: 'StateLost', address: 'purse/p' }
  t.same(await asking(rejecting(new AskFailed(lost)))(), E.left(lost))
  await t.rejects(asking(rejecting(new TypeError('a bug')))(), { message: 'a bug' })
})
