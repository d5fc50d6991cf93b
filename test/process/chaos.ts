/** The chaos run, short, and that its checks see what they are there for. `npm run chaos` runs it longer. */
import { connect, createServer, type Socket } from 'node:net'
import t from 'tap'
import { applied, type PurseState, received, type TallyState } from '../fixtures/chaos/app.js'
import { Book } from '../fixtures/chaos/book.js'
import { chaos } from '../fixtures/chaos/chaos.js'
import { LinkProxy } from '../fixtures/chaos/proxy.js'
import type { Answered } from '../fixtures/chaos/words.js'
import { eventually, hasNatsServer } from '../fixtures/nats-server.js'

const skip = hasNatsServer() ? false : 'not a machine with nats-server: install it to run these'
const empty: TallyState = {
  count: 0,
  lasts: {},
  missing: {},
  doubled: 0,
  reordered: 0,
  passed: {},
  settled: 0,
}
const clean = { lost: 0, doubled: 0, reordered: 0, owners: 1 }

const after = (...numbers: number[]): TallyState =>
  numbers.reduce((state, number) => applied(state, { caller: 'c', number }), empty)
const answer = (number: number | null, given: Partial<Answered> = {}): Answered => ({
  tally: 't',
  command: number === null ? null : { caller: 'c', number },
  fromMs: 10 * (number ?? 0),
  untilMs: 10 * (number ?? 0) + 5,
  count: number ?? 0,
  owner: 'n1#1',
  epoch: 1,
  ...given,
})
const judge = (state: TallyState, ...answers: Answered[]) => {
  const book = new Book()
  for (const one of answers) book.add(one)
  return book.verdict({ tallies: { t: state }, purses: {}, errors: [] })
}

t.test('chaos - a good history is called good, also when its answers are reported late', async (t) => {
  const answers = [1, 2, 3].map((number) => answer(number))
  t.match(judge(after(1, 2, 3), ...answers), { ...clean, acknowledged: 3, complaints: [] })
  t.match(judge(after(1, 2, 3), ...[...answers].reverse()), clean)
  t.match(judge(after(1, 2, 3, 4), ...answers), clean, 'one more, whose answer nobody heard')
  const moved = [answer(1), answer(2, { owner: 'n2#1', epoch: 2 }), answer(3, { owner: 'n2#1', epoch: 2 })]
  t.match(judge(after(1, 2, 3), ...moved), clean, 'an owner after the other')
  const slow = answer(1, { fromMs: 1, untilMs: 99 })
  t.match(judge(after(1, 2), slow, answer(2, { epoch: 2 })), clean, 'asked before the other was in force')
})

t.test('chaos - each planted fault of a history is found', async (t) => {
  const [one, two, three] = [answer(1), answer(2), answer(3)]
  t.match(judge(after(1, 2), one, two, three), { ...clean, lost: 1 }, 'the last one is not there')
  t.match(judge(after(1, 3), one, three), { lost: 1 }, 'one in the middle was left out')
  t.match(judge(empty, one, two), { lost: 2 }, 'everything is gone')
  t.match(judge(after(1, 1, 2), one, two), { ...clean, doubled: 1 }, 'applied twice')
  t.match(judge(after(2, 1), one, two), { ...clean, reordered: 1 }, 'applied in another order')
  const older = answer(3, { epoch: 1, count: 4 })
  t.match(
    judge(after(1, 2, 3), one, answer(2, { epoch: 2 }), older),
    { owners: 2 },
    'an older ownership answers what was asked after a younger one had answered',
  )
  t.match(judge(after(1, 2, 3), older, answer(2, { epoch: 2 }), one), { owners: 2 }, 'reported late')
  t.match(judge(after(1, 2), one, answer(2, { owner: 'n2#1' })), { owners: 2 }, 'two nodes in one epoch')
  t.match(judge(after(1, 2), one, answer(2, { count: 1, epoch: 2 })), { owners: 2, lost: 1 }, 'a fork')
  const stale = answer(null, { fromMs: 40, untilMs: 41, count: 1 })
  t.match(judge(after(1, 2), one, two, stale), { owners: 2 }, 'a stale read')
})

t.test('chaos - what one entity passes to another by command is missed, and counted once', async (t) => {
  const none: PurseState = { received: {}, doubled: 0 }
  const get = (...numbers: number[]): PurseState =>
    numbers.reduce((state, number) => received(state, { from: 't', number }), none)
  const passed = { ...empty, passed: { p: 3 } }
  const judgePurse = (purse: PurseState) =>
    new Book().verdict({ tallies: { t: passed }, purses: { p: purse }, errors: [] })
  t.match(judgePurse(get(1, 2, 3)), { lost: 0, doubled: 0 })
  t.match(judgePurse(get(3, 1, 2)), { lost: 0, doubled: 0 }, 'commands may overtake each other')
  t.match(judgePurse(get(1, 3)), { lost: 1, doubled: 0 })
  t.match(judgePurse(get(1, 2, 2, 3)), { lost: 0, doubled: 1 })
})

t.test('chaos - the proxy cuts, stalls, delays and heals, and keeps bytes in order', async (t) => {
  const server = createServer((socket) => socket.pipe(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const proxy = await LinkProxy.open(typeof address === 'object' && address !== null ? address.port : 0)
  const sockets: Socket[] = []
  t.teardown(async () => {
    for (const socket of sockets) socket.destroy()
    await proxy.close()
    server.close()
  })
  let heard = ''
  let isClosed = false
  const dial = async (): Promise<Socket> => {
    const socket = connect({ host: '127.0.0.1', port: Number(new URL(proxy.url).port) })
    sockets.push(socket)
    isClosed = false
    heard = ''
    socket.setEncoding('utf8').on('data', (text: string) => {
      heard += text
    })
    socket
      .on('error', () => undefined)
      .on('close', () => {
        isClosed = true
      })
    return socket
  }
  const hears = (text: string) => eventually(`"${text}"`, () => heard === text || undefined)
  const socket = await dial()
  socket.write('a')
  await hears('a')
  proxy.stall('up')
  for (const text of ['b', 'c', 'd']) socket.write(text)
  const from = performance.now()
  await eventually('a while', () => performance.now() - from > 60 || undefined)
  t.equal(heard, 'a', 'nothing gets through')
  proxy.heal()
  await hears('abcd')
  proxy.delay(60)
  const delayed = performance.now()
  socket.write('e')
  await hears('abcde')
  t.ok(performance.now() - delayed >= 119, 'both ways')
  proxy.cut()
  await eventually('it is closed', () => isClosed || undefined)
  await dial()
  await eventually('a new one is refused', () => isClosed || undefined)
  proxy.heal()
  ;(await dial()).write('f')
  await hears('f')
})

t.test(
  'chaos - some seconds of it: nothing lost, doubled or reordered, one owner at a time',
  { skip, timeout: 240_000 },
  async (t) => {
    const lines: string[] = []
    const result = await chaos({
      t,
      seed: 20,
      minutes: 1 / 5,
      nodesCount: 3,
      callersCount: 8,
      say: (line) => lines.push(line),
    })
    t.match(result, { ...clean, complaints: [] }, { lines })
    t.ok(result.acknowledged > 500, `${result.acknowledged} acknowledged`)
    t.ok(Object.keys(result.faults).length >= 2, `faults ${JSON.stringify(result.faults)}`)
    t.comment(`longest ${JSON.stringify(result.longestMs)}`)
  },
)
