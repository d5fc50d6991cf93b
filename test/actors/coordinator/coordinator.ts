import t from 'tap'
import { Coordinator, LoggedIn, PlayerId, SessionId, Sessions } from '../../../actors/index.js'
import type { Notice } from '../../../actors/notices.js'
import { type Place, startGame, until } from '../../fixtures/game/cluster.js'

const ada = PlayerId('ada')
const session = SessionId('s1')

const greeted = (places: readonly Place[]): Promise<number[]> =>
  Promise.all(places.map(({ node }) => node.local(Coordinator).ask(Coordinator.Greeted())))

t.test('coordinator - of three nodes only the one of the login greets', async (t) => {
  const places = (await startGame(t, { nodes: 3 })) as [Place, Place, Place]
  const [, n2] = places
  const notices: Notice[] = []
  const socket = { send: (notice: Notice) => void notices.push(notice), close: () => undefined }
  n2.node.local(Sessions).tell(Sessions.Hold({ player: ada, session, socket }))
  const heard = places.map(({ node }) => {
    let count = 0
    node.subscribe(LoggedIn, () => void count++)
    return () => count
  })
  n2.node.publish(LoggedIn, { player: ada, session })
  await until(
    'every node hears of it',
    () => heard.map((count) => count()),
    (counts) => counts.every((one) => one === 1),
  )
  const counts = await until(
    'it is greeted',
    () => greeted(places),
    ([, count]) => count !== 0,
  )
  t.same(counts, [0, 1, 0])
  t.same(notices, [{ notice: 'greeting', text: 'Welcome, ada.' }])
})

t.test('coordinator - one that was asked of another node counts only its own logins', async (t) => {
  const places = (await startGame(t, { nodes: 2 })) as [Place, Place]
  const [n1, n2] = places
  for (const { node } of [n1, n1, n2]) node.publish(LoggedIn, { player: ada, session })
  await until(
    'all were greeted',
    () => greeted(places),
    (counts) => `${counts}` === '2,1',
  )
  t.equal(await n2.node.remote(n1.node.id, Coordinator).ask(Coordinator.Greeted()), 2)
})
