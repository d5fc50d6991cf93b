import t from 'tap'
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
