import * as E from 'fp-ts/lib/Either.js'
import t from 'tap'
import { commands } from '../../../actors/gateway/commands.js'
import { commandsPage, decode } from '../../../actors/gateway/decode.js'
import { Party } from '../../../actors/party/protocol.js'
import { PlayerId } from '../../../actors/ids.js'

const complaintOn = (text: string): string => {
  const decoded = decode(text)
  return E.isLeft(decoded) ? `${JSON.stringify(decoded.left.id)} ${decoded.left.sentence}` : 'none'
}
const cmds = Object.keys(commands).join(', ')
const wholeId = 'null Field "id": expected a whole number or 1 to 64 characters.'
const notJson = 'null Expected a JSON object such as {"id":1,"cmd":"ping"}.'

const bad: readonly (readonly [text: string, sentence: string])[] = [
  ['', notJson],
  ['{', notJson],
  ['7', notJson],
  ['null', notJson],
  ['[]', notJson],
  ['"ping"', notJson],
  ['{"cmd":"ping"}', wholeId],
  ['{"id":null,"cmd":"ping"}', wholeId],
  ['{"id":1.5,"cmd":"ping"}', wholeId],
  ['{"id":"","cmd":"ping"}', wholeId],
  [`{"id":"${'x'.repeat(65)}","cmd":"ping"}`, wholeId],
  ['{"id":1}', `1 Field "cmd": expected one of ${cmds}.`],
  ['{"id":"a","cmd":"jump"}', `"a" Field "cmd": expected one of ${cmds}.`],
  ['{"id":1,"cmd":"toString"}', `1 Field "cmd": expected one of ${cmds}.`],
  ['{"id":1,"cmd":"__proto__"}', `1 Field "cmd": expected one of ${cmds}.`],
  ['{"id":1,"cmd":"login"}', '1 Field "credentials" of login: expected an object.'],
  ['{"id":1,"cmd":"login","credentials":"x"}', '1 Field "credentials" of login: expected an object.'],
  [
    '{"id":1,"cmd":"invite"}',
    '1 Field "target" of invite: expected a player: 1 to 64 visible ASCII characters.',
  ],
  [
    '{"id":1,"cmd":"kick","target":"a b"}',
    '1 Field "target" of kick: expected a player: 1 to 64 visible ASCII characters.',
  ],
  [
    '{"id":1,"cmd":"accept"}',
    '1 Field "party" of accept: expected a party: 1 to 192 visible ASCII characters.',
  ],
  [
    '{"id":1,"cmd":"leave","party":null}',
    '1 Field "party" of leave: expected a party: 1 to 192 visible ASCII characters.',
  ],
  [
    '{"id":1,"cmd":"leave","reqId":7}',
    '1 Field "reqId" of leave: expected 1 to 64 visible ASCII characters.',
  ],
  ['{"id":1,"cmd":"chat","text":"  "}', '1 Field "text" of chat: expected a line of 1 to 500 characters.'],
  [
    `{"id":1,"cmd":"chat","text":"${'x'.repeat(501)}"}`,
    '1 Field "text" of chat: expected a line of 1 to 500 characters.',
  ],
  ['{"id":1,"cmd":"clear","includeGrace":1}', '1 Field "includeGrace" of clear: expected true or false.'],
  ['{"id":1,"cmd":"ping","foo":1}', '1 Field "foo" is not known: ping takes id, cmd.'],
  [
    '{"id":1,"cmd":"create","target":"x"}',
    '1 Field "target" is not known: create takes id, cmd, party, reqId.',
  ],
]

t.test('decode - every bad input is answered with the field and what was expected', (t) => {
  for (const [text, sentence] of bad) t.equal(complaintOn(text), sentence, text.slice(0, 60))
  t.end()
})

t.test('decode - never shows a value that the client sent', (t) => {
  t.notMatch(complaintOn('{"id":1,"cmd":"leave","reqId":{"secret":"hunter2"}}'), /hunter2|secret/)
  t.end()
})

t.test('decode - a good command gives its message, with what was left out', (t) => {
  const decoded = decode('{"id":"m","cmd":"clear","reqId":"r1"}')
  t.ok(E.isRight(decoded))
  if (E.isLeft(decoded) || decoded.right.command.to === 'gateway') return t.end()
  const { id, given, command } = decoded.right
  const by = PlayerId('ada')
  t.same([id, given], ['m', { reqId: 'r1' }])
  t.same(command.message(by, given, []), Party.Clear({ by, includeGrace: false }))
  t.end()
})

t.test('decode - the page for clients names every command and field', (t) => {
  const page = commandsPage()
  for (const [name, { fields }] of Object.entries(commands)) {
    t.match(page, new RegExp(`^- \`${name}\`: `, 'm'))
    for (const field of Object.keys(fields)) t.match(page, `  - \`${field}\``)
  }
  t.end()
})
