/** A node with clients, parties and open commands dies; the clients go on elsewhere. */
import t from 'tap'
import { type Place, startGame, until } from '../../fixtures/game/cluster.js'
import { type Client, enter, type Said } from '../../fixtures/game/client.js'

const deadlineMs = 20_000

/**
 * A player who connects again, to the next gateway, whenever the socket is gone, and asks again under one
 * reqId.
 */
const steadfast = (player: string, urls: readonly string[], at: number) => {
  let turn = at
  let client: Promise<Client> | undefined
  const notices: Client['notices'] = []
  const connected = async (): Promise<Client> => {
    client ??= enter(urls[turn % urls.length] as string, player)
    const there = await client
    if (there.closed() === undefined) return there
    throw new Error('closed')
  }
  const command = async (cmd: string, fields: object): Promise<Said> => {
    const end = performance.now() + deadlineMs
    for (;;) {
      const said = await connected()
        .then((there) => there.command(cmd, fields))
        .catch(() => ({ id: null, ok: false, error: 'CLOSED' }) as Said)
      if (said.ok || said['refused'] !== undefined) return said
      if (performance.now() > end) throw new Error(`${player} ${cmd}: ${JSON.stringify(said)}`)
      if (said['error'] === 'CLOSED') {
        const gone = await client?.catch(() => undefined)
        notices.push(...(gone?.notices ?? []))
        client = undefined
        turn++
      }
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
  const heard = async () => [...notices, ...((await client)?.notices ?? [])]
  return { command, heard }
}

t.test('gateway - after a node died every command took effect once, and the parties go on', async (t) => {
  const places = (await startGame(t, {
    nodes: 3,
    gateway: { limits: { answerMs: 2_000, ratePerSecond: 500 } },
  })) as [Place, Place, Place]
  const urls = places.map(({ gateway }) => gateway.url)
  const leaders = Array.from({ length: 12 }, (_, i) => steadfast(`lea-${i}`, urls, i))
  const others = Array.from({ length: 12 }, (_, i) => steadfast(`bo-${i}`, urls, i + 1))
  const name = (i: number): string => `party-${i}`
  for (const [i, leader] of leaders.entries()) {
    t.match(await leader.command('create', { party: name(i), reqId: 'c' }), { ok: true })
    t.match(await leader.command('invite', { party: name(i), target: `bo-${i}`, reqId: 'i' }), { ok: true })
    t.match(await others[i]?.command('accept', { party: name(i), reqId: 'a' }), { ok: true })
  }

  const lines = 12
  let said = 0
  const talk = async (who: ReturnType<typeof steadfast>, i: number, word: string): Promise<number[]> => {
    const numbers: number[] = []
    for (let line = 0; line < lines; line++) {
      const reqId = `${word}-${line}`
      const answer = await who.command('chat', { party: name(i), text: reqId, reqId })
      numbers.push(answer['number'] as number)
      said++
    }
    return numbers
  }
  const talking = leaders.flatMap((leader, i) => [
    talk(leader, i, 'lea'),
    talk(others[i] as typeof leader, i, 'bo'),
  ])
  await until(
    'some have talked',
    () => said,
    (count) => count > leaders.length * lines,
  )
  places[0].kill()
  const numbers = await Promise.all(talking)

  const all = Array.from({ length: 2 * lines }, (_, at) => at + 1)
  for (const [i, leader] of leaders.entries()) {
    const both = [...(numbers[2 * i] as number[]), ...(numbers[2 * i + 1] as number[])]
    t.same(
      both.sort((a, b) => a - b),
      all,
      `${name(i)}: each line has a number of its own`,
    )
    const view = await leader.command('info', { party: name(i) })
    const members = [{ player: `lea-${i}` }, { player: `bo-${i}` }]
    t.match(view, { leader: `lea-${i}`, members, version: 3, chats: 2 * lines })
    const chats = (await leader.heard()).filter((one) => one['notice'] === 'chat').map((one) => one['number'])
    t.equal(new Set(chats).size, chats.length, `${name(i)}: nobody hears a line twice`)
    t.match(await others[i]?.command('leave', { party: name(i), reqId: 'l' }), { ok: true, version: 4 })
    t.match(await leader.command('disband', { party: name(i), reqId: 'd' }), { ok: true, version: 5 })
  }
})
