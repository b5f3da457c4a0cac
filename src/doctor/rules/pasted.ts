/** What comes along when lines are copied from web pages, chats and other servers' configurations. */
import { lineText } from "../../explain/statement-text.ts";
import type { Rule, Symptom } from "../finding.ts";
import { statementsOf } from "./spelling.ts";

/** UTF-8 as bytes: quotes of printed text; a no-break space, spaces and marks without width. */
const QUOTE = "\u00e2\u0080[\u0098\u0099\u009a\u009c\u009d\u009e]";
const BLANK = "\u00c2\u00a0|\u00e2\u0080[\u008b-\u008f\u00af]|\u00ef\u00bb\u00bf";
const PASTED = new RegExp(`${QUOTE}|${BLANK}`);
const QUOTES = new RegExp(QUOTE, "g");
const BLANKS = new RegExp(BLANK, "g");

/** What is said to people may be of any characters. */
const SAID = /^(?:return|log_format|add_header|set|if|location|rewrite|error_page|auth_basic|sub_filter)$/;

export const pastedCharacters: Rule = {
  id: "pasted-characters",
  title: "typographic quotes or spaces that are none, from a page that a line was copied from",
  find({ root }) {
    return statementsOf(root).flatMap((statement): Symptom[] => {
      const { name, args } = statement;
      const words = [name, ...args];
      if (SAID.test(name) || !words.some((word) => PASTED.test(word))) return [];
      const quotes = words.some((word) => word.search(QUOTES) >= 0);
      const [first = "", ...rest] = words
        .flatMap((word) => word.split(BLANKS))
        .map((word) => word.replace(QUOTES, ""))
        .filter((word) => word !== "");
      return [
        {
          severity: "error",
          at: statement,
          message: quotes
            ? "These are quotes of printed text: nginx takes them for letters."
            : "One of these spaces is none to nginx: it takes it for a letter.",
          consequence: quotes
            ? 'What is set is another value: "Connection" that says “upgrade” in quotes asks for nothing, and a handshake gets 400, 404 or 426.'
            : "nginx does not start, or sets another value than the one that is seen: unknown directive, invalid number of arguments.",
          remedy: "Write the line by hand.",
          edits: [{ kind: "replace", statement, line: lineText({ ...statement, name: first, args: rest }) }],
        },
      ];
    });
  },
};

export const colonInField: Rule = {
  id: "colon-in-field",
  title: "a colon behind the name of a field: `proxy_set_header Upgrade: ...`",
  find({ root }) {
    return statementsOf(root).flatMap((statement): Symptom[] => {
      const { name, args } = statement;
      const [field = "", ...rest] = args;
      if (!/^(?:proxy_set_header|add_header)$/.test(name) || !field.endsWith(":")) return [];
      const meant = field.slice(0, -1);
      return [
        {
          severity: "error",
          at: statement,
          message: `nginx puts a colon behind the name itself: what is sent is "${field}: ${rest.join(" ")}", with two.`,
          consequence: `The value of "${meant}" begins with a colon. ${/^(?:upgrade|connection)$/i.test(meant) ? "It asks for nothing: a handshake is answered with 400, 404 or 426." : "Whoever gets it does not understand it."}`,
          remedy: "Leave it out.",
          edits: [{ kind: "replace", statement, line: lineText({ ...statement, args: [meant, ...rest] }) }],
        },
      ];
    });
  },
};
