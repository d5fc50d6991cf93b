import t from 'tap'
import type { Down } from '../../../lib/kernel/exit-reason.js'
import { bed, deferred, recorded } from '../../fixtures/kernel/index.js'

const boom = new Error('boom')

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
