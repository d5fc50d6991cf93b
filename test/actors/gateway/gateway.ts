import t from 'tap'
import type { Place } from '../../fixtures/game/cluster.js'
import { startGame, until } from '../../fixtures/game/cluster.js'
import { connect, enter } from '../../fixtures/game/client.js'
import { startGateway } from '../../../actors/index.js'

const urlsOf = (places: readonly Place[]): string[] => places.map(({ gateway }) => gateway.url)
const three = async (t: Tap): Promise<string[]> => urlsOf(await startGame(t, { nodes: 3 }))
type Tap = { teardown(fn: () => Promise<void>): unknown }

t.test('gateway - players on three nodes play in one party', async (t) => {
  const [n1, n2, n3] = (await three(t)) as [string, string, string]
  const [ada, bo, cy] = [await enter(n1, 'ada'), await enter(n2, 'bo'), await enter(n3, 'cy')]
  const { party } = await ada.command('create')
  for (const [client, target] of [
    [bo, 'bo'],
    [cy, 'cy'],
  ] as const) {
    t.match(await ada.command('invite', { target }), { ok: true })
    t.match(await client.command('accept', { party }), { ok: true, party })
  }
  t.match(await cy.command('chat', { text: 'hello' }), { ok: true, number: 1 })
  for (const client of [ada, bo, cy]) {
    await until(
      'everybody hears it',
      () => client.notices,
      (all) => all.some((one) => one['notice'] === 'chat'),
    )
  }
  const members = ['ada', 'bo', 'cy'].map((player) => ({ player, online: true }))
  for (const client of [ada, bo, cy])
    t.match(await client.command('info'), { leader: 'ada', members, version: 5 })
})

t.test('gateway - a command with a reqId that is sent again to another node is applied once', async (t) => {
  const [n1, n2] = (await three(t)) as [string, string]
  const ada = await enter(n1, 'ada')
  const first = await ada.command('create', { reqId: 'r1' })
  const { party } = first
  t.match(await ada.command('chat', { party, text: 'once', reqId: 'r2' }), { ok: true, number: 1 })
  const again = await enter(n2, 'ada')
  const { id: _, ...same } = first
  t.match(await again.command('create', { reqId: 'r1' }), same)
  t.match(await again.command('chat', { party, text: 'once', reqId: 'r2' }), { ok: true, number: 1 })
  t.match(await again.command('info'), { chats: 1 })
  t.match(await again.command('leave', { reqId: 'r3' }), { ok: true, removed: ['ada'] })
  t.match(
    await again.command('leave', { reqId: 'r3' }),
    { ok: true, removed: ['ada'] },
    'also without its party',
  )
})

t.test('gateway - a login elsewhere closes the older socket and says why', async (t) => {
  const [n1, n2] = (await three(t)) as [string, string]
  const old = await enter(n1, 'ada')
  const young = await enter(n2, 'ada')
  const closed = await until('the older one is closed', old.closed, (seen) => seen !== undefined)
  t.same(closed, { code: 4001, reason: 'replaced' })
  t.match(await young.command('whoami'), { ok: true, player: 'ada', node: 'n2#1' })
})

t.test('gateway - list shows the party and the invitations that wait', async (t) => {
  const [n1, n2] = (await three(t)) as [string, string]
  const ada = await enter(n1, 'ada')
  const { party } = await ada.command('create')
  await ada.command('invite', { target: 'bo' })
  const bo = await enter(n2, 'bo')
  const listed = await until(
    'it waits',
    () => bo.command('list'),
    (seen) => `${seen['invitations']}` !== '',
  )
  t.match(listed, { ok: true, party: null, invitations: [{ party, by: 'ada' }] })
  t.match(await ada.command('list'), { ok: true, party, invitations: [] })
})

t.test('gateway - who is in no party is told so, and where a stranger asks too', async (t) => {
  const [n1] = (await three(t)) as [string]
  const ada = await enter(n1, 'ada')
  t.match(await ada.command('leave'), { ok: false, refused: 'NOT_IN_PARTY', message: /not a member/ })
  t.match(await ada.command('info', { party: 'nowhere' }), { ok: false, refused: 'NO_SUCH_PARTY' })
  t.match(await ada.command('ping'), { ok: true })
})

t.test('gateway - commands of one socket are carried out in the order in which they came', async (t) => {
  const [n1] = (await three(t)) as [string]
  const ada = await enter(n1, 'ada')
  const { party } = await ada.command('create')
  const said = Array.from({ length: 12 }, (_, i) =>
    ada.command('chat', i % 2 === 0 ? { text: `${i}` } : { text: `${i}`, party }),
  )
  t.same(
    (await Promise.all(said)).map((one) => one['number']),
    said.map((_, i) => i + 1),
  )
})

t.test('gateway - nothing but login before login, and only once', async (t) => {
  const [n1] = (await three(t)) as [string]
  const client = await connect(n1)
  t.match(await client.command('create'), { ok: false, error: 'NOT_LOGGED_IN' })
  t.match(await client.command('login', { credentials: { name: 7 } }), { ok: false, error: 'FORBIDDEN' })
  t.match(await client.command('login', { credentials: { player: 'a b' } }), {
    ok: false,
    error: 'FORBIDDEN',
  })
  t.match(await client.command('login', { credentials: { player: 'ada' } }), { ok: true, player: 'ada' })
  t.match(await client.command('login', { credentials: { player: 'bo' } }), {
    ok: false,
    error: 'BAD_REQUEST',
  })
})

t.test('gateway - the host decides who is let in', async (t) => {
  const authenticate = async ({ token }: Readonly<Record<string, unknown>>) => {
    if (token === 'boom') throw new Error('the database is at 10.0.0.7')
    return token === 'secret' ? { player: 'ada' } : { refused: 'The token is not valid.' }
  }
  const [place] = (await startGame(t, { nodes: 1, gateway: { authenticate } })) as [Place]
  const client = await connect(place.gateway.url)
  const login = (token: string) => client.command('login', { credentials: { token } })
  t.match(await login('x'), { ok: false, error: 'FORBIDDEN', message: 'The token is not valid.' })
  t.match(await login('boom'), {
    ok: false,
    error: 'FORBIDDEN',
    message: 'The credentials could not be checked.',
  })
  t.match(await login('secret'), { ok: true, player: 'ada' })
})

t.test('gateway - without authenticate it listens on this machine only', async (t) => {
  const [{ node }] = (await startGame(t, { nodes: 1 })) as [Place]
  await t.rejects(startGateway(node, { host: '0.0.0.0' }), {
    message: /authenticate is needed to listen on 0.0.0.0/,
  })
  await t.rejects(startGateway(node, { port: -1 as number }), Error)
})

t.test('gateway - a port in use is said in a sentence', async (t) => {
  const [{ node, gateway }] = (await startGame(t, { nodes: 1 })) as [Place]
  await t.rejects(startGateway(node, { port: gateway.port }), {
    message: /gateway: cannot listen: .*EADDRINUSE/,
  })
})

t.test('gateway - a limit that is not there or not a number is named', async (t) => {
  const [{ node }] = (await startGame(t, { nodes: 1 })) as [Place]
  await t.rejects(startGateway(node, { limits: { pingMs: 0 } }), {
    message: /pingMs: expected a whole number above 0/,
  })
  await t.rejects(startGateway(node, { limits: { foo: 1 } as object }), {
    message: /foo: there is no such limit/,
  })
})

t.test('gateway - each limit is answered or closes the one socket', async (t) => {
  const limits = {
    connectionsCountMax: 2,
    ratePerSecond: 1,
    rateBurstCount: 6,
    strikesCountMax: 3,
    messageBytesMax: 200,
  }
  const [place] = (await startGame(t, { nodes: 1, gateway: { limits } })) as [Place]
  const { url } = place.gateway
  const fast = await connect(url)
  const flood = await Promise.all(Array.from({ length: 8 }, () => fast.command('ping')))
  t.match(flood.at(-1), { ok: false, error: 'RATE_LIMITED', retryAfterMs: Number })
  for (let i = 0; i < 5; i++) fast.raw('{}')
  t.match(await until('the flooder is cut off', fast.closed, (seen) => seen !== undefined), { code: 1008 })
  const long = await connect(url)
  const other = await connect(url)
  const third = await connect(url)
  t.match(await until('one too many is closed', third.closed, (seen) => seen !== undefined), { code: 1013 })
  long.raw('x'.repeat(201))
  t.match(await until('a long message closes', long.closed, (seen) => seen !== undefined), { code: 1009 })
  other.raw(Buffer.from([1, 2, 3]))
  t.match(await until('bytes close', other.closed, (seen) => seen !== undefined), { code: 1003 })
})

t.test('gateway - a socket that does not log in is closed', async (t) => {
  const [place] = (await startGame(t, { nodes: 1, gateway: { limits: { loginMs: 20 } } })) as [Place]
  const client = await connect(place.gateway.url)
  t.match(await until('it is closed', client.closed, (seen) => seen !== undefined), {
    code: 1008,
    reason: 'log in first',
  })
})

t.test('gateway - when it stops its clients are told to go elsewhere, and nothing is left', async (t) => {
  const [one, two] = (await startGame(t, { nodes: 2 })) as [Place, Place]
  const ada = await enter(one.gateway.url, 'ada')
  const { party } = await ada.command('create')
  await one.gateway.stop()
  await one.gateway.stop()
  t.match(ada.closed(), { code: 1001 })
  t.equal(one.gateway.count(), 0)
  const again = await enter(two.gateway.url, 'ada')
  t.match(await again.command('info', { party }), { ok: true, members: [{ player: 'ada', online: true }] })
})

t.test('gateway - a coordinator greets each login once', async (t) => {
  const urls = await three(t)
  const clients = await Promise.all(urls.flatMap((url, at) => [enter(url, `a${at}`), enter(url, `b${at}`)]))
  const greetings = () =>
    clients.map(({ notices }) => notices.filter((one) => one['notice'] === 'greeting').length)
  await until('each was greeted', greetings, (seen) => seen.every((count) => count >= 1))
  // Whoever would greet a second time hears of a login after the first: play on until all have heard.
  await Promise.all(clients.map((client) => client.command('list')))
  t.same(greetings(), [1, 1, 1, 1, 1, 1])
})
