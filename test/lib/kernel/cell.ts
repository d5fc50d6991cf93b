import t from 'tap'
import fc from 'fast-check'
import type { Down } from '../../../lib/kernel/exit-reason.js'
import { bed, deferred, recorded } from '../../fixtures/kernel/index.js'

const boom = new Error('boom')
const balances = (t: { equal(a: number, b: number, claim: string): unknown }, counts: ReturnType<ReturnType<typeof bed>['kernel']['counts']>): void => {
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

t.test('cell - stop finishes the message in hand, cleans up, and lets the rest go', async (t) => {
  const { kernel, settle, tags } = bed()
  const a = recorded(kernel)
  const wait = deferred()
  const order: string[] = []
  a.receive = () => wait.promise
  a.stopping = (done) => {
    order.push('stopping')
    done()
  }
  a.cell.tell('1')
  a.cell.tell('2')
  await settle()
  a.cell.stop(() => order.push('done'))
  t.equal(a.cell.status, 'stopping')
  t.equal(a.cell.tell('3'), false)
  t.equal(a.cell.control('4'), false)
  await settle()
  t.same(order, [], 'waits for the message in hand')
  wait.resolve()
  await settle()
  t.same(order, ['stopping', 'done'])
  t.same(a.undelivered, [
    ['3', 'stopped'],
    ['4', 'stopped'],
    ['2', 'stopped'],
  ])
  t.match(kernel.counts(), { sent: 4, handled: 1, deadLetters: 3, waiting: 0 })
  t.equal(tags().at(-1), 'ActorStopped')
  a.cell.stop(() => order.push('again'))
  t.equal(order.at(-1), 'again', 'stopping what has stopped is done at once')
})

t.test('cell - a crash while it stops does not keep it from stopping', async (t) => {
  const { kernel, settle } = bed()
  const a = recorded(kernel)
  const wait = deferred()
  a.receive = () => wait.promise
  a.cell.tell('1')
  await settle()
  let stopped = false
  a.cell.stop(() => (stopped = true))
  wait.reject(boom)
  await settle()
  t.ok(stopped)
  t.same(a.crashes, [{ error: boom, message: '1' }])
})

t.test('cell - children stop before their parent, last started first', async (t) => {
  const { kernel, events } = bed()
  const parent = recorded(kernel, { name: 'parent' })
  recorded(kernel, { name: 'one', parent: parent.cell })
  const two = recorded(kernel, { name: 'two', parent: parent.cell })
  recorded(kernel, { name: 'deep', parent: two.cell })
  t.equal(two.cell.path, 'parent/two')
  t.equal(parent.cell.child('two'), two.cell)
  parent.cell.stop()
  const stopped = events.filter(({ tag }) => tag === 'ActorStopped') as { path: string }[]
  t.same(
    stopped.map(({ path }) => path),
    ['parent/two/deep', 'parent/two', 'parent/one', 'parent'],
  )
  t.same(kernel.roots, [])
})

t.test('cell - kill ends it and all below at once, with everything they hold', async (t) => {
  const { kernel, settle } = bed()
  const parent = recorded(kernel, { name: 'parent' })
  const child = recorded(kernel, { name: 'child', parent: parent.cell })
  const wait = deferred()
  child.receive = () => wait.promise
  let cleaned = false
  child.stopping = () => (cleaned = true)
  child.cell.tell('1')
  child.cell.tell('2')
  await settle()
  parent.cell.kill()
  t.same([parent.cell.status, child.cell.status, cleaned], ['stopped', 'stopped', false])
  t.same(child.undelivered, [
    ['1', 'killed'],
    ['2', 'killed'],
  ])
  t.equal(child.cell.tell('3'), false)
  t.same(child.undelivered.at(-1), ['3', 'killed'])
  wait.resolve()
  await settle()
  t.match(kernel.counts(), { sent: 3, handled: 0, deadLetters: 3, waiting: 0 })
})

t.test('cell - killed while it cleans up, it ends once', async (t) => {
  const { kernel, tags } = bed()
  const a = recorded(kernel)
  let cleaned: () => void = () => undefined
  a.stopping = (done) => (cleaned = done)
  const ends: string[] = []
  a.cell.stop(() => ends.push('stopped'))
  a.cell.kill()
  cleaned()
  t.same(ends, ['stopped'])
  t.equal(tags().filter((tag) => tag === 'ActorStopped').length, 1)
})

t.test('cell - two of one name, and a child of what stopped, are programmer errors', async (t) => {
  const { kernel } = bed()
  const a = recorded(kernel)
  t.throws(() => recorded(kernel), /two actors of one name/)
  a.cell.stop()
  t.throws(() => recorded(kernel, { name: 'b', parent: a.cell }), /under a parent that stops/)
  t.equal(recorded(kernel).cell.path, 'a', 'the name is free again')
})

t.test('cell - a monitor hears once how the incarnation ended', async (t) => {
  const { clock, kernel } = bed()
  const heard: Down[] = []
  const watch = (down: Down): void => void heard.push(down)
  const a = recorded(kernel)
  a.receive = () => {
    throw boom
  }
  kernel.monitor(a.cell, watch)
  a.cell.tell('x')
  clock.advance(0)
  t.same(heard, [], 'a crash that is resumed ends nothing')
  a.cell.restart()
  t.match(heard, [{ path: 'a', incarnation: 1, reason: { tag: 'crash', error: boom } }])
  kernel.monitor(a.cell, watch)
  a.cell.stop()
  t.match(heard[1], { incarnation: 2, reason: { tag: 'shutdown' } })
  kernel.monitor(a.cell, watch)
  kernel.monitor(undefined, watch)
  t.match(heard.slice(2), [{ reason: { tag: 'noproc' } }, { reason: { tag: 'noproc' } }])
  const b = recorded(kernel)
  kernel.monitor(b.cell, watch)
  const forget = kernel.monitor(b.cell, () => t.fail('no longer watched'))
  forget()
  b.cell.kill()
  t.match(heard.at(-1), { reason: { tag: 'kill' } })
})

t.test('cell - timers ring once, are replaced by name, and die with the incarnation', async (t) => {
  const { clock, kernel } = bed()
  const a = recorded(kernel)
  a.cell.after(10, 'x')
  a.cell.after(10, 'old', 'named')
  a.cell.after(20, 'new', 'named')
  a.cell.after(30, 'dropped', 'other')
  a.cell.cancel('other')
  clock.advance(100)
  t.same(a.handled, ['x', 'new'])
  a.cell.after(10, 'lost')
  a.cell.restart()
  a.cell.resume()
  clock.advance(100)
  t.same(a.handled, ['x', 'new'])
  a.cell.after(10, 'lost')
  a.cell.stop()
  a.cell.after(10, 'never')
  t.equal(clock.pendingCount, 0)
})

t.test('cell - a timer rings also when the mailbox is full', async (t) => {
  const { clock, kernel } = bed()
  const a = recorded(kernel, { mailboxCountMax: 1 })
  a.cell.suspend()
  a.cell.tell('1')
  a.cell.after(10, 'ring')
  clock.advance(10)
  a.cell.resume()
  clock.advance(0)
  t.same(a.handled, ['ring', '1'])
})

t.test('cell - more timers than an actor may have are a crash', async (t) => {
  const { clock, kernel } = bed()
  const a = recorded(kernel)
  a.receive = () => {
    for (let i = 0; i <= 1_000; i++) a.cell.after(10, 'x')
  }
  a.cell.tell('go')
  clock.advance(0)
  t.match(a.crashes, [{ error: /too many timers/ }])
})

t.test('cell - suspended it says when it is quiet, and handles nothing until resumed', async (t) => {
  const { kernel, settle } = bed()
  const a = recorded(kernel)
  const wait = deferred()
  a.receive = (message) => (message === '1' ? wait.promise : undefined)
  a.cell.tell('1')
  a.cell.tell('2')
  await settle()
  let quiet = 0
  a.cell.suspend(() => quiet++)
  t.equal(quiet, 0)
  wait.resolve()
  await settle()
  t.equal(quiet, 1)
  t.same(a.handled, ['1'])
  a.cell.suspend(() => quiet++)
  t.equal(quiet, 2, 'at once when nothing is in hand')
  a.cell.resume()
  a.cell.resume()
  await settle()
  t.same(a.handled, ['1', '2'])
})

t.test('cell - whatever happens, every message is accounted for exactly once', async () => {
  const act = fc.constantFrom(
    'tell', 'tell', 'tell', 'control', 'bad', 'slow', 'turn', 'turn', 'finish', 'suspend', 'resume', 'restart',
    'timer', 'advance', 'stop', 'kill',
  )
  await fc.assert(
    fc.asyncProperty(fc.array(act, { maxLength: 60 }), async (acts) => {
      const { clock, kernel, settle } = bed()
      const waits: ReturnType<typeof deferred<void>>[] = []
      const a = recorded(kernel, { mailboxCountMax: 4 })
      a.receive = (message) => {
        if (message === 'bad') throw boom
        if (message !== 'slow') return
        const wait = deferred()
        waits.push(wait)
        return wait.promise
      }
      for (const each of acts) {
        if (each === 'tell' || each === 'bad' || each === 'slow') a.cell.tell(each)
        else if (each === 'control') a.cell.control('control')
        else if (each === 'turn') clock.advance(0)
        else if (each === 'finish') waits.shift()?.resolve()
        else if (each === 'timer') a.cell.after(5, 'timer')
        else if (each === 'advance') clock.advance(10)
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
