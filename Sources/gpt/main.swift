import GPTCommands

await CommandLineTool.main()
