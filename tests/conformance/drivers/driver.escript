%% The driver of Erlang: foreign code runs in a port, a process of its own, here the driver of C. So
%% whatever happens in it cannot take the virtual machine with it, and no scheduler waits for it.

main([Program]) ->
    ok = io:setopts(standard_io, [binary, {encoding, latin1}]),
    Port = open_port({spawn_executable, Program},
                     [binary, exit_status, use_stdio, {line, 65536}, {args, []}]),
    loop(Port).

loop(Port) ->
    case file:read_line(standard_io) of
        {ok, <<"exit\n">>} -> halt(0);
        {ok, Line} -> call(Port, Line), loop(Port);
        eof -> halt(0)
    end.

call(Port, Line) ->
    true = port_command(Port, Line),
    answer(Port).

answer(Port) ->
    receive
        {Port, {data, {eol, <<"result ", _/binary>> = Told}}} ->
            ok = file:write(standard_io, [Told, "\n"]);
        {Port, {data, {eol, Told}}} ->
            ok = file:write(standard_io, [Told, "\n"]),
            answer(Port);
        {Port, {exit_status, Code}} ->
            halt(Code)
    end.
