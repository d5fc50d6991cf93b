/**
 * Keys that exist only for the compiler. They carry a message's reply, refusal and reach, a kind's id and a
 * protocol's messages in the type of plain data; at run time nothing has them.
 */
export declare const types: unique symbol
export declare const brand: unique symbol
export declare const action: unique symbol
export declare const outcome: unique symbol
export declare const source: unique symbol
export declare const child: unique symbol
