import t from 'tap'
import fc from 'fast-check'
import { bed, deferred, recorded } from '../../fixtures/kernel/index.js'

const boom = new Error('boom')
const balances = (
  t: { equal(a: number, b: number, claim: string): unknown },
  counts: ReturnType<ReturnType<typeof bed>['kernel']['counts']>,
): void => {
  const { sent, handled, errors, deadLetters, waiting } = counts
  t.equal(sent, handled + errors + deadLetters + waiting, 'sent = handled + errors + dead letters + waiting')
}

t.test('cell - messages are handled in the order they were told', async (t) => {
  const { clock, kernel } = bed()
  const a = recorded(kernel)
  for (const message of ['1', '2', '3']) t.ok(a.cell.tell(message))
  t.same(a.handled, [], 'not in the turn of the sender')
  clock.advance(0)
  t.same(a.handled, ['1', '2', '3'])
  balances(t, kernel.counts())
})

t.test('cell - control messages come before mail', async (t) => {
  const { clock, kernel } = bed()
  const a = recorded(kernel)
  a.cell.tell('mail')
  a.cell.control('first')
  clock.advance(0)
  t.same(a.handled, ['first', 'mail'])
})

t.test('cell - a full mailbox refuses, and the refused message is a dead letter', async (t) => {
  const { clock, kernel, events } = bed()
  const a = recorded(kernel, { mailboxCountMax: 2 })
  t.same([a.cell.tell('1'), a.cell.tell('2'), a.cell.tell('3')], [true, true, false])
  clock.advance(0)
  t.same(a.handled, ['1', '2'])
  t.same(a.undelivered, [['3', 'mailbox-full']])
  t.match(kernel.deadLetters(), [{ path: 'a', reason: 'mailbox-full', message: '3' }])
  t.match(
    events.filter(({ tag }) => tag === 'DeadLettered'),
    [{ letter: { message: '3' } }],
  )
  t.match(kernel.counts(), { sent: 3, handled: 2, deadLetters: 1, byReason: { 'mailbox-full': 1 } })
})

t.test('cell - with drop-oldest a full mailbox gives up its oldest message', async (t) => {
  const { clock, kernel } = bed()
  const a = recorded(kernel, { mailboxCountMax: 2, overflow: 'drop-oldest' })
  t.same([a.cell.tell('1'), a.cell.tell('2'), a.cell.tell('3')], [true, true, true])
  clock.advance(0)
  t.same(a.handled, ['2', '3'])
  t.same(a.undelivered, [['1', 'mailbox-full']])
  balances(t, kernel.counts())
})

t.test('cell - a message whose sender was told is an error, not a dead letter', async (t) => {
  const { kernel } = bed()
  const a = recorded(kernel, { mailboxCountMax: 1, undelivered: () => true })
  a.cell.tell('1')
  a.cell.tell('2')
  t.match(kernel.counts(), { sent: 2, errors: 1, deadLetters: 0, waiting: 1 })
})

t.test('cell - a high mailbox is said once and again only after it was low', async (t) => {
  const { clock, kernel, events } = bed()
  const a = recorded(kernel, { mailboxCountMax: 10 })
  const highs = (): number => events.filter(({ tag }) => tag === 'MailboxHigh').length
  for (let i = 0; i < 8; i++) a.cell.tell('x')
  t.equal(highs(), 1)
  a.cell.tell('x')
  t.equal(highs(), 1)
  clock.advance(0)
  for (let i = 0; i < 8; i++) a.cell.tell('x')
  t.equal(highs(), 2)
})

t.test('cell - a throw is caught with its message, and the mail behind it is kept', async (t) => {
  const { clock, kernel, events } = bed()
  const a = recorded(kernel)
  a.receive = (message) => {
    if (message === 'bad') throw boom
  }
  for (const message of ['1', 'bad', '2']) a.cell.tell(message)
  clock.advance(0)
  t.same(a.handled, ['1', 'bad'])
  t.same(a.crashes, [{ error: boom, message: 'bad' }])
  t.equal(a.cell.status, 'suspended')
  t.match(events.at(-1), { tag: 'ActorCrashed', path: 'a', error: boom, message: 'bad' })
  a.cell.tell('3')
  clock.advance(0)
  t.same(a.handled, ['1', 'bad'], 'suspended')
  a.cell.restart()
  a.cell.resume()
  clock.advance(0)
  t.same(a.handled, ['1', 'bad', '2', '3'])
  t.equal(a.cell.incarnation, 2)
  t.match(kernel.counts(), { sent: 4, handled: 3, errors: 1, deadLetters: 0, waiting: 0 })
})

t.test('cell - a throw of undefined and of a string are crashes as well', async (t) => {
  for (const thrown of [undefined, 'text', null]) {
    const { clock, kernel } = bed()
    const a = recorded(kernel)
    a.receive = () => {
      throw thrown
    }
    a.cell.tell('x')
    clock.advance(0)
    t.same(a.crashes, [{ error: thrown, message: 'x' }])
  }
})

t.test('cell - resumed inside crashed, it goes on in the same turn', async (t) => {
  const { clock, kernel } = bed()
  const a = recorded(kernel)
  a.receive = (message) => {
    if (message === 'bad') throw boom
  }
  a.crashed = () => a.cell.resume()
  for (const message of ['bad', 'bad', '1']) a.cell.tell(message)
  clock.advance(0)
  t.same(a.handled, ['bad', 'bad', '1'])
  a.cell.tell('2')
  clock.advance(0)
  t.same(a.handled.at(-1), '2')
  balances(t, kernel.counts())
})

t.test('cell - while a promise is pending nothing else is handled', async (t) => {
  const { clock, kernel, settle } = bed()
  const a = recorded(kernel)
  const wait = deferred()
  a.receive = (message) => (message === '1' ? wait.promise : undefined)
  a.cell.tell('1')
  await settle()
  a.cell.tell('2')
  a.cell.control('3')
  await settle()
  t.same(a.handled, ['1'])
  t.ok(a.cell.isHandling)
  t.match(kernel.counts(), { waiting: 3, handled: 0 })
  wait.resolve()
  await settle()
  t.same(a.handled, ['1', '3', '2'])
  clock.advance(0)
  balances(t, kernel.counts())
})

t.test('cell - a rejection is a crash with its message', async (t) => {
  const { kernel, settle } = bed()
  const a = recorded(kernel)
  a.receive = () => Promise.reject(boom)
  a.cell.tell('1')
  await settle()
  t.same(a.crashes, [{ error: boom, message: '1' }])
})

t.test('cell - what an earlier incarnation promised is ignored', async (t) => {
  for (const end of ['resolve', 'reject'] as const) {
    const { kernel, settle } = bed()
    const a = recorded(kernel)
    const wait = deferred<any>()
    a.receive = (message) => (message === 'old' ? wait.promise : undefined)
    a.cell.tell('old')
    a.cell.tell('new')
    await settle()
    a.cell.restart()
    a.cell.resume()
    await settle()
    t.same(a.handled, ['old', 'new'])
    wait[end](boom)
    await settle()
    t.same(a.crashes, [])
    t.same(a.undelivered, [['old', 'killed']])
    t.match(kernel.counts(), { sent: 2, handled: 1, deadLetters: 1, waiting: 0 })
  }
})

t.test('cell - restarted by its own handler, the message in hand is given up once', async (t) => {
  const { clock, kernel } = bed()
  const a = recorded(kernel)
  a.receive = (message) => {
    if (message !== 'again') return
    a.cell.restart()
    a.cell.resume()
    throw boom
  }
  a.cell.tell('again')
  a.cell.tell('1')
  clock.advance(0)
  t.same(a.handled, ['again', '1'])
  t.same(a.undelivered, [['again', 'killed']])
  t.same(a.crashes, [])
  balances(t, kernel.counts())
})

t.test('cell - whatever happens, every message is accounted for exactly once', async () => {
  const act = fc.constantFrom(
    'tell',
    'tell',
    'tell',
    'control',
    'bad',
    'slow',
    'turn',
    'turn',
    'finish',
    'suspend',
    'resume',
    'restart',
    'append',
    'aside',
    'stash',
    'stop',
    'kill',
  )
  await fc.assert(
    fc.asyncProperty(fc.array(act, { maxLength: 60 }), async (acts) => {
      const { clock, kernel, settle } = bed()
      const waits: ReturnType<typeof deferred<void>>[] = []
      const a = recorded(kernel, { mailboxCountMax: 4 })
      a.receive = (message) => {
        if (message === 'bad') throw boom
        if (message === 'stash') a.cell.setAsideInHand()
        if (message !== 'slow') return
        const wait = deferred()
        waits.push(wait)
        return wait.promise
      }
      for (const each of acts) {
        if (each === 'tell' || each === 'bad' || each === 'slow' || each === 'stash') a.cell.tell(each)
        else if (each === 'control') a.cell.control('control')
        else if (each === 'turn') clock.advance(0)
        else if (each === 'finish') waits.shift()?.resolve()
        else if (each === 'append') a.cell.append('appended')
        else if (each === 'aside') a.cell.bringBack()
        else a.cell[each as 'suspend' | 'resume' | 'restart' | 'stop' | 'kill']()
        await settle()
        const { sent, handled, errors, deadLetters, waiting } = kernel.counts()
        if (sent !== handled + errors + deadLetters + waiting) return false
      }
      a.cell.kill()
      const { sent, handled, errors, deadLetters, waiting } = kernel.counts()
      return waiting === 0 && sent === handled + errors + deadLetters && clock.pendingCount <= 1
    }),
    { numRuns: 300 },
  )
})
