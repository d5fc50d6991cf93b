import t from 'tap'
import fc from 'fast-check'
import { AskFailed } from '../../../lib/index.js'
import { Counter, counter, reasonOf, started } from '../../fixtures/kernel/counter.js'
import { bed, deferred, recorded, startActor } from '../../fixtures/kernel/index.js'

t.test('kernel - stop ends everything, last started first, and leaves no timer', async (t) => {
  const { clock, kernel, events } = bed()
  for (const name of ['a', 'b', 'c']) recorded(kernel, { name })
  let stopped = 0
  kernel.stop(() => stopped++)
  const paths = events.flatMap((event) => (event.tag === 'ActorStopped' ? [event.path] : []))
  t.same(paths, ['c', 'b', 'a'])
  t.equal(clock.pendingCount, 0)
  kernel.stop(() => stopped++)
  t.equal(stopped, 2)
})

t.test('kernel - after the stop an ask is answered at once and sets no timer', async (t) => {
  const { clock, kernel, settle } = bed()
  const { ref, actor } = started(kernel)
  const total = ref.ask(Counter.Total())
  await settle()
  t.equal(await total, 0)
  actor.close({ tag: 'shutdown' })
  kernel.stop()
  t.match(await reasonOf(ref.ask(Counter.Total())), { tag: 'NoRecipient' })
  t.equal(clock.pendingCount, 0)
})

t.test('kernel - kill ends what a stop would wait for', async (t) => {
  const { kernel, settle } = bed()
  const a = recorded(kernel)
  a.receive = () => new Promise(() => undefined)
  a.cell.tell('x')
  await settle()
  let isStopped = false
  kernel.stop(() => {
    isStopped = true
  })
  t.same([a.cell.status, isStopped], ['stopping', false], 'the message in hand never ends')
  kernel.kill()
  t.ok(isStopped)
  t.same(kernel.roots, [])
})

t.test('kernel - it keeps the last dead letters, and counts all', async (t) => {
  const { kernel } = bed({ deadLettersCountMax: 2 })
  for (const text of ['1', '2', '3']) kernel.deadLetter('nobody', 'unhandled', text)
  t.match(kernel.deadLetters(), [{ message: '2' }, { message: '3' }])
  t.match(kernel.counts(), { sent: 3, deadLetters: 3, byReason: { unhandled: 3 } })
  t.equal(kernel.ledger.reached.deadLettersCountMax, 1)
  const none = bed({ deadLettersCountMax: 0 })
  none.kernel.deadLetter('nobody', 'unhandled', 'x')
  t.same(none.kernel.deadLetters(), [])
  t.equal(none.kernel.counts().deadLetters, 1)
})

t.test('kernel - who listens no more hears no more', async (t) => {
  const { kernel } = bed()
  const seen: string[] = []
  const forget = kernel.listen(({ tag }) => seen.push(tag))
  recorded(kernel)
  forget()
  recorded(kernel, { name: 'b' })
  t.same(seen, ['ActorStarted'])
})

const messages = ['Add', 'Crash', 'Quit', 'Release', 'Later'] as const
const asks = ['Total', 'Take', 'Slow', 'Wait', 'Bad'] as const
const deed = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      what: fc.constant('ask' as const),
      tag: fc.constantFrom(...asks),
      reqId: fc.option(fc.constantFrom('r1', 'r2'), { nil: undefined }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ what: fc.constant('tell' as const), tag: fc.constantFrom(...messages) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ what: fc.constantFrom('turn', 'finish', 'pass', 'begin', 'halt', 'abort') }),
  },
)

t.test(
  'kernel - whatever happens to an actor: every ask is settled once, every message accounted for',
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(deed, { maxLength: 50 }), async (deeds) => {
        const { clock, kernel, settle } = bed({ mailboxCountMax: 5, askTimeoutMs: 1_000 })
        let slow = deferred<void>()
        const hooks = {
          get slow() {
            return slow.promise
          },
        }
        const { actor } = startActor(kernel, counter(hooks))
        const make = Counter as unknown as Record<string, (payload?: object) => never>
        const payload = { n: 1, ms: 10, text: 'x' }
        let asked = 0
        let settled = 0
        const wrong: unknown[] = []
        for (const each of deeds) {
          if (each.what === 'ask' && 'reqId' in each) {
            asked++
            const options = each.reqId === undefined ? {} : { reqId: each.reqId }
            actor.ref.ask(make[each.tag]?.(payload) as never, options).then(
              () => settled++,
              (error: unknown) => {
                settled++
                if (!(error instanceof AskFailed)) wrong.push(error)
              },
            )
          } else if (each.what === 'tell' && 'tag' in each) actor.ref.tell(make[each.tag]?.(payload) as never)
          else if (each.what === 'turn') clock.advance(0)
          else if (each.what === 'pass') clock.advance(400)
          else if (each.what === 'finish') {
            slow.resolve()
            slow = deferred()
          } else if (each.what === 'begin') {
            actor.abort()
            actor.begin(() => undefined)
          } else if (each.what === 'halt') actor.halt(() => undefined)
          else actor.abort()
          await settle()
          const { sent, handled, errors, deadLetters, waiting } = kernel.counts()
          if (sent !== handled + errors + deadLetters + waiting) return false
        }
        clock.advance(2_000)
        await settle()
        actor.close({ tag: 'shutdown' })
        await settle()
        const { sent, handled, errors, deadLetters, waiting } = kernel.counts()
        const isBalanced = waiting === 0 && sent === handled + errors + deadLetters
        return isBalanced && settled === asked && wrong.length === 0 && kernel.asks.openCount === 0
      }),
      { numRuns: 300 },
    )
  },
)
